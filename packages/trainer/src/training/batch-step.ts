/** What a learner alone runs for one update: one graph, optimizer included; see `accumulated-step.ts` for the other way. */
import { mixedTrainingProgram, trainingProgram } from '@unroll/core';
import type { Residents } from '../engines/engine.js';
import { BatchInputs } from './batch-inputs.js';
import { runBatches, type UpdateScalars } from './batch-runs.js';
import { LaneLosses } from './lane-losses.js';
import type { LearnerOptions, LossSum, MadeStep } from './learner.js';
import { compileSteps, type StepPrograms, stepShape } from './step-executable.js';

/** What one process keeps with its engine. */
export interface TrainingResidents {
  readonly parameters: Residents;
  readonly slots: Residents;
  /** The recurrent state of all lanes. */
  readonly recurrent: Residents;
}

export interface BatchStep {
  /** Of the epoch so far. */
  readonly total: LossSum;
  /** Makes the updates from `step` on, counted from 0: one with each of these scalars, all of one epoch. */
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
