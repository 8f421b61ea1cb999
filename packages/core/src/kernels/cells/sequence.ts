/**
 * Runs any recurrent cell over a whole sequence, with masks and recurrent dropout, and back-propagates through time.
 *
 * With the mask m_t of a step and s the cell's new states:  states_t = m_t∘s + (1 − m_t)∘states_(t−1)
 */
import * as tf from '@tensorflow/tfjs-core';
import { openBackend } from '../../tracing/backend.js';
import { defineKernel } from '../kernel.js';
import {
  flattenSteps,
  inputProjectionGradients,
  joinSteps,
  maskSteps,
  previousStates,
  projectInputs,
  splitSteps,
  stackSteps,
} from '../time-steps.js';
import type { CellWeights, RecurrentCell } from './cell.js';
import { openSequence } from './open-sequence.js';

export interface CellSequenceInputs {
  /** [time, batch, input] */
  readonly x: tf.Tensor;
  readonly weights: CellWeights;
  /** States before the first step, each [batch, width]; the first is the hidden state. */
  readonly initialStates: readonly tf.Tensor[];
  /** float32 [time, batch] of ones and zeros; at a zero, the states stay unchanged. */
  readonly mask?: tf.Tensor | undefined;
  /**
   * [batch, hidden], the same for all steps: the hidden state is multiplied by it before the recurrent product (Gal and
   * Ghahramani 2016, arXiv:1512.05287).
   */
  readonly recurrentDropout?: tf.Tensor | undefined;
}

export interface CellSequenceOutputs {
  /** The first state after each step, [time, batch, width]. */
  readonly outputs: tf.Tensor3D;
  /** The states after the last step, each [batch, width]. */
  readonly states: tf.Tensor2D[];
}

type Tensors = Readonly<Record<string, tf.Tensor>>;

/** Runs `cell` over a sequence. Differentiable by x, the weights and the initial states. */
export function cellSequence(cell: RecurrentCell, inputs: CellSequenceInputs): CellSequenceOutputs {
  const { x, weights, initialStates, mask, recurrentDropout } = inputs;
  const named: Record<string, tf.Tensor> = { x, ...weights };
  initialStates.forEach((state, k) => {
    named[stateName(k)] = state;
  });
  if (mask) named.mask = tf.reshape(mask, [x.shape[0]! * x.shape[1]!, 1]);
  if (recurrentDropout) named.recurrentDropout = recurrentDropout;
  const [outputs, ...rest] = kernelOf(cell, Object.keys(named))(named);
  const states = rest.splice(0, initialStates.length);
  // If gradients are recorded, the tape holds clones of the tensors that it needs.
  for (const tensor of rest) tensor.dispose();
  return { outputs: outputs as tf.Tensor3D, states: states as tf.Tensor2D[] };
}

const stateName = (k: number) => `state.${k}`;

/** The weights among a kernel's inputs. */
function weightsOf(inputs: Tensors): CellWeights {
  const others = ['x', 'mask', 'recurrentDropout', stateName(0), stateName(1)];
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => !others.includes(name)));
}

const kernels = new Map<string, (inputs: Tensors) => tf.Tensor[]>();

/**
 * The kernel for a cell and a set of inputs. TensorFlow.js fixes for each kernel which inputs its gradient receives,
 * hence one kernel per set.
 */
function kernelOf(cell: RecurrentCell, inputNames: readonly string[]): (inputs: Tensors) => tf.Tensor[] {
  const name = `${cell.name}(${inputNames.join(', ')})`;
  const kernel = kernels.get(name) ?? defineSequence(cell, name, inputNames);
  kernels.set(name, kernel);
  return kernel;
}

/**
 * Defines the kernel. Outputs: the first state of all steps; the last states; the rows of the other states; the rows of
 * the reserve.
 */
function defineSequence(
  cell: RecurrentCell,
  name: string,
  inputNames: readonly string[],
): (inputs: Tensors) => tf.Tensor[] {
  const { states, reserve } = cell.sizes;
  const saved = [true, ...Array<boolean>(states).fill(false), ...Array<boolean>(states - 1 + reserve).fill(true)];
  const kernel = defineKernel<Record<string, tf.Tensor>, object>({
    name,
    forward: (inputs) => forward(cell, inputs),
    saves: { inputs: inputNames, outputs: saved },
    gradient: (dOutputs, savedTensors) => {
      const inputs = Object.fromEntries(inputNames.map((each, k) => [each, savedTensors[k]!]));
      return backward(cell, inputs, savedTensors.slice(inputNames.length), dOutputs);
    },
  });
  return (inputs) => kernel({ ...inputs }, {});
}

function forward(cell: RecurrentCell, inputs: Tensors): tf.Tensor[] {
  const weights = weightsOf(inputs);
  const open = openBackend();
  if (open) return openSequence(open, cell, { ...inputs, x: inputs.x!, weights, states: initialStates(cell, inputs) });
  const masks = stepMasks(inputs);
  const step = cell.forward(weights);
  let states = initialStates(cell, inputs);
  const history: tf.Tensor[][] = states.map(() => []);
  const reserved: tf.Tensor[][] = Array.from({ length: cell.sizes.reserve }, () => []);
  projectInputs(inputs.x!, weights.kernel!, weights.bias!).forEach((projected, t) => {
    const recurrent = dropped(states[0]!, inputs.recurrentDropout);
    const after = step({ projected, recurrent, states });
    states = masks
      ? after.states.map((state, k) => tf.add(tf.mul(state, masks.keep[t]!), tf.mul(states[k]!, masks.skip[t]!)))
      : [...after.states];
    states.forEach((state, k) => {
      history[k]!.push(state);
    });
    after.reserve.forEach((tensor, k) => {
      reserved[k]!.push(tensor);
    });
  });
  const [outputs, ...others] = history;
  return [
    stackSteps(outputs!),
    ...states.map((state) => tf.clone(state)),
    ...[...others, ...reserved].map((steps) => tf.clone(joinSteps(steps))),
  ];
}

/** Gradients with respect to every input except the masks, as thunks. */
function backward(cell: RecurrentCell, inputs: Tensors, saved: readonly tf.Tensor[], dOutputs: readonly tf.Tensor[]) {
  const [outputs, ...rest] = saved;
  const { x, recurrentDropout } = inputs;
  const [time = 0] = x!.shape;
  const weights = weightsOf(inputs);
  const masks = stepMasks(inputs);
  const count = cell.sizes.states;
  const states = [flattenSteps(outputs!), ...rest.slice(0, count - 1)];
  const previous = initialStates(cell, inputs).map((initial, k) => previousStates(initial, states[k]!));
  const recurrent = recurrentDropout ? maskSteps(previous[0]!, recurrentDropout) : previous[0]!;
  const reserve = rest.slice(count - 1);
  const pass = cell.backward({ time, weights, recurrent, previousStates: previous, states, reserve });

  const dOutputSteps = splitSteps(flattenSteps(dOutputs[0]!), time);
  const dGates: tf.Tensor[] = [];
  const dStepOutputs: tf.Tensor[] = [];
  let dStates = dOutputs.slice(1, 1 + count);
  for (let t = time - 1; t >= 0; t--) {
    const dAfter = [tf.add(dStates[0]!, dOutputSteps[t]!), ...dStates.slice(1)];
    const dNew = masks ? dAfter.map((gradient) => tf.mul(gradient, masks.keep[t]!)) : dAfter;
    const step = pass.step(t, dNew);
    dGates.unshift(step.gates);
    dStepOutputs.unshift(dNew[0]!);
    const dBefore = [sum(dropped(step.recurrent, recurrentDropout), step.states[0]), ...step.states.slice(1)];
    dStates = dBefore.map((gradient, k) => (masks ? sum(tf.mul(dAfter[k]!, masks.skip[t]!), gradient) : gradient!));
  }
  const rows = pass.rows({ gates: () => joinSteps(dGates), outputs: () => joinSteps(dStepOutputs) });
  return {
    ...inputProjectionGradients(x!, weights.kernel!, rows.projected),
    ...rows.weights,
    ...Object.fromEntries(dStates.map((gradient, k) => [stateName(k), () => tf.clone(gradient)])),
  };
}

const initialStates = (cell: RecurrentCell, inputs: Tensors): tf.Tensor[] =>
  Array.from({ length: cell.sizes.states }, (_, k) => inputs[stateName(k)]!);

/** The mask of each step and its complement, each [batch, 1]. */
function stepMasks({ x, mask }: Tensors): { keep: tf.Tensor[]; skip: tf.Tensor[] } | undefined {
  if (!mask) return undefined;
  const [time = 0] = x!.shape;
  return { keep: splitSteps(mask, time), skip: splitSteps(tf.sub(1, mask), time) };
}

const dropped = (state: tf.Tensor, dropout: tf.Tensor | undefined): tf.Tensor =>
  dropout ? tf.mul(state, dropout) : state;

const sum = (a: tf.Tensor, b: tf.Tensor | undefined): tf.Tensor => (b ? tf.add(a, b) : a);
