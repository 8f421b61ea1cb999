/** Trains alone: one run of one graph, optimizer included, is a whole step. */
import { mixedTrainingProgram, parameterShapes, stateShapes, trainingProgram } from '@unroll/core';
import type { Arrays } from '../checkpoint/checkpoint.js';
import { residentValues } from '../engines/engine.js';
import { BatchInputs } from './batch-inputs.js';
import { optimizerShapes } from './config.js';
import { LaneLosses } from './lane-losses.js';
import { disposeAll, type Learner, type LearnerOptions, readAll, reset } from './learner.js';

/** What training starts from: a fresh or a resumed model. */
export interface LocalStart {
  /** Updates that the model has seen. */
  readonly step: number;
  readonly parameters: Arrays;
  /** Absent slots are zero. */
  readonly slots?: Arrays | undefined;
  readonly recurrent?: Arrays | undefined;
}

export async function createLocalLearner(
  { engine, model, training, batchesOf }: LearnerOptions,
  start: LocalStart,
): Promise<Learner> {
  const { batchSize, optimizer, clipNorm, precision } = training;
  const shapes = parameterShapes(model);
  const parameters = engine.allocate(residentValues(shapes, start.parameters));
  const slots = engine.allocate(residentValues(optimizerShapes(training, shapes), start.slots ?? {}));
  const recurrent = engine.allocate(residentValues(stateShapes(model, batchSize), start.recurrent ?? {}));
  const shape = { batch: batchSize, time: training.sequenceLength };
  const programOf = precision === 'mixed' ? mixedTrainingProgram : trainingProgram;
  const program = programOf(model, shape, { optimizer, clipNorm });
  const executable = await engine.compile(program, [parameters, slots, recurrent]);
  const allLanes = { from: 0, to: batchSize };
  const inputs = new BatchInputs(model, training, allLanes);
  const batches = batchesOf(allLanes);
  const losses = new LaneLosses(batchSize);
  const scalars = { learningRate: new Float32Array(1), step: new Float32Array(1) };
  let nextStep = start.step;
  return {
    parameters,
    get nextStep() {
      return nextStep;
    },
    get epoch() {
      return losses.total;
    },
    step: async (learningRate) => {
      const batch = batches.batchAt(nextStep);
      if (batch.resetState) await reset(recurrent);
      scalars.learningRate[0] = learningRate;
      scalars.step[0] = nextStep + 1;
      const { tokenLosses, gradientNorm } = await executable.run({ ...inputs.fill(batch, nextStep), ...scalars });
      nextStep += 1;
      return { ...losses.add(tokenLosses!, batch), gradientNorm: gradientNorm![0]! };
    },
    meet: async () => true,
    state: async () => ({
      parameters: await readAll(parameters),
      slots: await readAll(slots),
      recurrent: await readAll(recurrent),
    }),
    finish: async () => true,
    dispose: () => disposeAll(executable, [parameters, slots, recurrent]),
  };
}
