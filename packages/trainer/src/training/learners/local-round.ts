/**
 * Computes a worker's part of a round of local steps: the distance that the parameters move when the optimizer trains
 * on its lanes alone. Follows Douillard et al. (2023), "DiLoCo", algorithm 1, with one difference: the inner optimizer
 * starts afresh in each round. So a round is a function of the shared parameters, and a worker that was killed computes
 * it again to the same bits.
 */
import { slotShapes } from '@unroll/core';
import type { BatchDimensions } from '@unroll/core/internal';
import type { LaneRange } from '@unroll/param-server/client';
import type { Arrays } from '../../checkpoint/arrays.js';
import { outerLearningRate } from '../../configuration/modes.js';
import { type Residents, zeros } from '../../engines/engine.js';
import { disposeAll } from '../../engines/residents.js';
import { StepPlan } from '../step-plan.js';
import { runBatches } from './consecutive-batches.js';
import { LaneLosses } from './lane-losses.js';
import type { LearnerOptions, LossSum } from './learner.js';
import { StepExecutable } from './step-executable.js';
import { StepsAtOnce } from './steps-at-once.js';
import type { WorkerStep } from './worker-step.js';

export async function createLocalRound(
  { engine, model, training, batchesOf }: LearnerOptions,
  shared: Residents,
  lanes: LaneRange,
): Promise<WorkerStep> {
  const { optimizer, clipNorm, batchSize, mode } = training;
  const count = lanes.to - lanes.from;
  const { parameters: shapes } = model;
  const own = engine.allocate(zeros(shapes));
  const slots = engine.allocate(zeros(slotShapes(optimizer, shapes)));
  const recurrent = engine.allocate(zeros(model.stateShapes(count)));
  const programOf = (shape: BatchDimensions, room?: readonly number[]) =>
    model.updateProgram(shape, { optimizer, clipNorm }, room);
  const executable = new StepExecutable(engine, { programOf, lists: model.lists }, [own, slots, recurrent]);
  // The worker trains by itself, so its lanes are its whole batch.
  const batches = batchesOf(lanes, true);
  if (batches.shape) await executable.prepare(batches.shape);
  const plan = new StepPlan(batches.batchesPerEpoch, mode);
  const losses = new LaneLosses(count);
  const stepsAtOnce = new StepsAtOnce(shapes);
  const differences: Arrays = {};

  const train = async (from: number, to: number, learningRate: number): Promise<LossSum> => {
    const sum = { lossSum: 0, count: 0 };
    for (let first = from; first < to; ) {
      const scalars = Array.from({ length: batches.shape ? Math.min(stepsAtOnce.steps, to - first) : 1 }, (_, k) => ({
        learningRate: Float32Array.of(learningRate),
        step: Float32Array.of(first + k - from + 1),
      }));
      const program = { executable, batches, model, recurrent };
      const runs = await stepsAtOnce.measure(scalars.length, () => runBatches(program, first, scalars));
      for (const { batch, outputs } of runs) {
        const { lossSum, count: added } = losses.add(batch, outputs);
        sum.lossSum += lossSum;
        sum.count += added;
      }
      first += runs.length;
    }
    return sum;
  };

  return {
    lanes,
    recurrent,
    losses,
    compute: async (step, learningRate) => {
      for (const name of shared.names) own.write(name, (await shared.read(name)).slice());
      slots.clear();
      const loss = await train(plan.batchesBefore(step), plan.batchesBefore(step + 1), learningRate);
      for (const name of shared.names) {
        differences[name] = scaledDifference(await shared.read(name), await own.read(name), count / batchSize);
      }
      return { loss, gradients: differences, learningRate: outerLearningRate };
    },
    dispose: () => disposeAll(executable, [own, slots, recurrent]),
  };
}

/** Returns (before − after) · weight. */
function scaledDifference(before: Float32Array, after: Float32Array, weight: number): Float32Array {
  return before.map((value, k) => (value - after[k]!) * weight);
}
