/** Updates of a learner that trains alone: one graph, optimizer included. `accumulated-step.ts` is the alternative. */
import { trainingProgram } from '@unroll/core';
import { mixedTrainingProgram } from '@unroll/core/internal';
import type { Residents } from '../engines/engine.js';
import { BatchInputs } from './batch-inputs.js';
import { runBatches, type UpdateScalars } from './batch-runs.js';
import { LaneLosses } from './lane-losses.js';
import type { LearnerOptions, LossSum, MadeStep } from './learner.js';
import { compileSteps, type StepPrograms, stepShape } from './step-executable.js';

/** The arrays that one process keeps on its engine. */
export interface TrainingResidents {
  readonly parameters: Residents;
  readonly slots: Residents;
  /** The recurrent state of all lanes. */
  readonly recurrent: Residents;
}

export interface BatchStep {
  /** The loss of the epoch so far. */
  readonly total: LossSum;
  /** Makes one update for each element of `scalars`, from `step` on (counted from 0). All must belong to one epoch. */
  run(step: number, scalars: readonly UpdateScalars[]): Promise<MadeStep[]>;
  dispose(): Promise<void>;
}

export async function createWholeBatchStep(
  { engine, model, training, batchesOf }: LearnerOptions,
  { parameters, slots, recurrent }: TrainingResidents,
): Promise<BatchStep> {
  const { batchSize, optimizer, clipNorm, precision } = training;
  const program = precision === 'mixed' ? mixedTrainingProgram : trainingProgram;
  const steps: StepPrograms = {
    shape: stepShape(training, batchSize),
    programOf: (shape) => program(model, shape, { optimizer, clipNorm }),
  };
  const executable = await compileSteps(engine, model, steps, [parameters, slots, recurrent]);
  const allLanes = { from: 0, to: batchSize };
  const inputs = new BatchInputs(model, training, allLanes);
  const batches = batchesOf(allLanes);
  const losses = new LaneLosses(batchSize);
  return {
    get total() {
      return losses.total;
    },
    run: async (step, scalars) => {
      const runs = await runBatches({ executable, batches, inputs, recurrent }, step, scalars);
      return runs.map(({ batch, outputs: { tokenLosses, gradientNorm } }) => ({
        ...losses.add(tokenLosses!, batch),
        gradientNorm: gradientNorm![0]!,
        epoch: losses.total,
      }));
    },
    dispose: () => executable.dispose(),
  };
}
