/** Trains alone: this process makes every update. */
import type { Arrays } from '../../checkpoint/arrays.js';
import { optimizerShapes } from '../../configuration/optimizer-shapes.js';
import { residentValues } from '../../engines/engine.js';
import { readAll } from '../../engines/residents.js';
import { createAccumulatedStep } from './accumulated-step.js';
import type { Learner, LearnerOptions } from './learner.js';
import { StepsAtOnce } from './steps-at-once.js';
import { createWholeBatchStep } from './whole-batch-step.js';

/** The model that training starts from, fresh or resumed. */
export interface LocalStart {
  /** Number of updates the model has seen. */
  readonly step: number;
  readonly parameters: Arrays;
  /** Optimizer slots; absent ones are zero. */
  readonly slots?: Arrays | undefined;
  readonly recurrent?: Arrays | undefined;
}

export async function createLocalLearner(options: LearnerOptions, start: LocalStart): Promise<Learner> {
  const { engine, model, training } = options;
  const { parameters: shapes } = model;
  const parameters = engine.allocate(residentValues(shapes, start.parameters));
  const slots = engine.allocate(residentValues(optimizerShapes(training, shapes), start.slots ?? {}));
  const recurrent = engine.allocate(residentValues(model.stateShapes(training.batchSize), start.recurrent ?? {}));
  const createStep = training.accumulate > 1 ? createAccumulatedStep : createWholeBatchStep;
  const batchStep = await createStep(options, { parameters, slots, recurrent });
  const averages = training.optimizer.name === 'nt-asgd';
  const stepsAtOnce = new StepsAtOnce(shapes);
  let nextStep = start.step;
  return {
    parameters,
    isChief: true,
    entrances: 0,
    hasEnded: false,
    get nextStep() {
      return nextStep;
    },
    get epoch() {
      return batchStep.total;
    },
    get stepsAtOnce() {
      return batchStep.isUniform ? stepsAtOnce.steps : 1;
    },
    step: async (updates) => {
      const scalars = updates.map(({ learningRate, averagingWeight = 1 }, k) => ({
        learningRate: Float32Array.of(learningRate),
        step: Float32Array.of(nextStep + k + 1),
        ...(averages ? { averagingWeight: Float32Array.of(averagingWeight) } : {}),
      }));
      const made = await stepsAtOnce.measure(updates.length, () => batchStep.run(nextStep, scalars));
      nextStep += made.length;
      return made;
    },
    meet: async () => true,
    state: async () => ({
      parameters: await readAll(parameters),
      slots: await readAll(slots),
      recurrent: await readAll(recurrent),
    }),
    confirm: async () => true,
    finish: async () => true,
    dispose: async () => {
      await batchStep.dispose();
      for (const residents of [parameters, slots, recurrent]) residents.dispose();
    },
  };
}
