/**
 * Computes a worker's part of a round of local steps: the distance that the parameters move when the optimizer trains
 * on its lanes alone. Follows Douillard et al. (2023), "DiLoCo", algorithm 1, with one difference: the inner optimizer
 * starts afresh in each round. So a round is a function of the shared parameters, and a worker that was killed computes
 * it again to the same bits.
 */
import { parameterShapes, slotShapes, stateShapes, trainingProgram } from '@unroll/core';
import type { LaneRange } from '@unroll/param-server';
import type { Arrays } from '../checkpoint/checkpoint.js';
import { type Residents, zeros } from '../engines/engine.js';
import { disposeAll } from '../engines/residents.js';
import { BatchInputs } from './batch-inputs.js';
import { runBatches } from './batch-runs.js';
import { LaneLosses } from './lane-losses.js';
import type { LaneWork } from './lane-work.js';
import type { LearnerOptions, LossSum } from './learner.js';
import { outerLearningRate } from './modes.js';
import { RunLength } from './run-length.js';
import { compileSteps, type StepPrograms, stepShape } from './step-executable.js';
import { StepPlan } from './step-plan.js';

export async function createLocalWork(
  { engine, model, training, batchesOf }: LearnerOptions,
  shared: Residents,
  lanes: LaneRange,
): Promise<LaneWork> {
  const { optimizer, clipNorm, batchSize, mode } = training;
  const count = lanes.to - lanes.from;
  const shapes = parameterShapes(model);
  const own = engine.allocate(zeros(shapes));
  const slots = engine.allocate(zeros(slotShapes(optimizer, shapes)));
  const recurrent = engine.allocate(zeros(stateShapes(model, count)));
  const steps: StepPrograms = {
    shape: stepShape(training, count),
    programOf: (shape) => trainingProgram(model, shape, { optimizer, clipNorm }),
  };
  const executable = await compileSteps(engine, model, steps, [own, slots, recurrent]);
  const batches = batchesOf(lanes);
  const plan = new StepPlan(batches.stepsPerEpoch, mode);
  // The worker trains by itself, so its lanes are its whole batch.
  const inputs = new BatchInputs(model, { ...training, batchSize: count }, lanes);
  const losses = new LaneLosses(count);
  const runLength = new RunLength(shapes);
  const differences: Arrays = {};

  const train = async (from: number, to: number, learningRate: number): Promise<LossSum> => {
    const sum = { lossSum: 0, tokens: 0 };
    for (let first = from; first < to; ) {
      const scalars = Array.from({ length: Math.min(runLength.steps, to - first) }, (_, k) => ({
        learningRate: Float32Array.of(learningRate),
        step: Float32Array.of(first + k - from + 1),
      }));
      const program = { executable, batches, inputs, recurrent };
      const runs = await runLength.measure(scalars.length, () => runBatches(program, first, scalars));
      for (const { batch, outputs } of runs) {
        const { lossSum, tokens } = losses.add(outputs.tokenLosses!, batch);
        sum.lossSum += lossSum;
        sum.tokens += tokens;
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
