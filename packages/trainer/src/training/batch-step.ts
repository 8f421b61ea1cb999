/** What a learner alone runs for one update: one graph, optimizer included; see `accumulated-step.ts` for the other way. */
import { mixedTrainingProgram, trainingProgram } from '@unroll/core';
import type { Residents } from '../engines/engine.js';
import { BatchInputs } from './batch-inputs.js';
import { LaneLosses } from './lane-losses.js';
import { type LearnerOptions, type LossSum, reset, type StepResult } from './learner.js';

/** What one process keeps with its engine. */
export interface TrainingResidents {
  readonly parameters: Residents;
  readonly slots: Residents;
  /** The recurrent state of all lanes. */
  readonly recurrent: Residents;
}

/** The scalar inputs of an update. */
export type UpdateScalars = Readonly<Record<string, Float32Array>>;

export interface BatchStep {
  /** Of the epoch so far. */
  readonly total: LossSum;
  /** Makes the update `step`, counted from 0. */
  run(step: number, scalars: UpdateScalars): Promise<StepResult>;
  dispose(): Promise<void>;
}

export async function createWholeBatchStep(
  { engine, model, training, batchesOf }: LearnerOptions,
  { parameters, slots, recurrent }: TrainingResidents,
): Promise<BatchStep> {
  const { batchSize, optimizer, clipNorm, precision } = training;
  const shape = { batch: batchSize, time: training.sequenceLength };
  const programOf = precision === 'mixed' ? mixedTrainingProgram : trainingProgram;
  const program = programOf(model, shape, { optimizer, clipNorm });
  const executable = await engine.compile(program, [parameters, slots, recurrent]);
  const allLanes = { from: 0, to: batchSize };
  const inputs = new BatchInputs(model, training, allLanes);
  const batches = batchesOf(allLanes);
  const losses = new LaneLosses(batchSize);
  return {
    get total() {
      return losses.total;
    },
    run: async (step, scalars) => {
      const batch = batches.batchAt(step);
      if (batch.resetState) await reset(recurrent);
      const { tokenLosses, gradientNorm } = await executable.run({ ...inputs.fill(batch, step), ...scalars });
      return { ...losses.add(tokenLosses!, batch), gradientNorm: gradientNorm![0]! };
    },
    dispose: () => executable.dispose(),
  };
}
