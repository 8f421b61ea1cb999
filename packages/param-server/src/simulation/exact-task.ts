/** A task for simulated runs whose parameters come out the same, bit for bit, whichever worker computes which lanes. */
import type { NamedValues } from '../vectors/shard-vector.js';
import type { SimulatedTask } from './worker-machine.js';

const lanes = 6;

/** Rounds to numbers whose float32 sums are exact, so that it makes no difference which worker computes which lane. */
const coarse = (value: number) => Math.round(value * 64) / 64;

export const exactTask: SimulatedTask = {
  steps: 12,
  learningRate: 0.5,
  model: {
    parameters: [
      { name: 'table', shape: [5, 2] },
      { name: 'bias', shape: [3] },
    ],
    optimizer: { name: 'sgd' },
    clipNorm: undefined,
    lanes: { count: lanes, width: 2 },
    run: 'simulated',
  },
  initial: () => ({
    table: Float32Array.from({ length: 10 }, (_, i) => coarse(Math.sin(i))),
    bias: new Float32Array(3),
  }),
  // The gradient depends on the lane's state, which depends on all earlier gradients, so a lost gradient shows in the
  // result.
  compute: ({ from, to }, step, { table, bias }, laneStates) => {
    const gradients = { table: new Float32Array(10), bias: new Float32Array(3) };
    const next = laneStates.slice();
    for (let lane = from; lane < to; lane++) {
      const state = laneStates[2 * (lane - from)]!;
      const gradient = (value: number, i: number) => coarse(Math.sin(value * (lane + 1) + state + step + i));
      for (const [i, value] of table!.entries()) gradients.table[i]! += gradient(value, i);
      for (const [i, value] of bias!.entries()) gradients.bias[i]! += gradient(value, i);
      next[2 * (lane - from)] = coarse(Math.cos(state + table![0]! + lane));
      next[2 * (lane - from) + 1] = step + 1;
    }
    return { gradients, laneStates: next };
  },
};

/** Trains by gradient descent on one machine. */
export function trainAlone({ model, steps, learningRate, initial, compute }: SimulatedTask): NamedValues {
  const { count, width } = model.lanes;
  const values = initial();
  let laneStates: Float32Array = new Float32Array(count * width);
  for (let step = 0; step < steps; step++) {
    const computed = compute({ from: 0, to: count }, step, values, laneStates);
    laneStates = computed.laneStates;
    for (const [name, gradient] of Object.entries(computed.gradients)) {
      for (const [i, value] of (gradient as Float32Array).entries()) values[name]![i]! -= learningRate * value;
    }
  }
  return values;
}
