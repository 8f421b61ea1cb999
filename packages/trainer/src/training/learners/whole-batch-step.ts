/** Updates of a learner that trains alone: one graph, optimizer included. `accumulated-step.ts` is the alternative. */
import type { BatchDimensions } from '@unroll/core/internal';
import type { Residents } from '../../engines/engine.js';
import { runBatches, type ScalarInputs } from './consecutive-batches.js';
import { LaneLosses } from './lane-losses.js';
import type { LearnerOptions, LossSum, UpdateResult } from './learner.js';
import { StepExecutable } from './step-executable.js';

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
  /** Whether all batches have one shape, so that several updates in one call are worth while. */
  readonly isUniform: boolean;
  /** Makes one update for each element of `scalars`, from `step` on (counted from 0). All must belong to one epoch. */
  run(step: number, scalars: readonly ScalarInputs[]): Promise<UpdateResult[]>;
  dispose(): Promise<void>;
}

export async function createWholeBatchStep(
  { engine, model, training, batchesOf }: LearnerOptions,
  { parameters, slots, recurrent }: TrainingResidents,
): Promise<BatchStep> {
  const { batchSize, optimizer, clipNorm } = training;
  const programOf = (shape: BatchDimensions, room?: readonly number[]) =>
    model.updateProgram(shape, { optimizer, clipNorm }, room);
  const executable = new StepExecutable(engine, { programOf, lists: model.lists }, [parameters, slots, recurrent]);
  const batches = batchesOf({ from: 0, to: batchSize });
  if (batches.shape) await executable.prepare(batches.shape);
  const losses = new LaneLosses(batchSize);
  return {
    get total() {
      return losses.total;
    },
    isUniform: batches.shape !== undefined,
    run: async (step, scalars) => {
      const runs = await runBatches({ executable, batches, model, recurrent }, step, scalars);
      return runs.map(({ batch, outputs }) => ({
        ...losses.add(batch, outputs),
        gradientNorm: outputs.gradientNorm![0]!,
        epoch: losses.total,
      }));
    },
    dispose: () => executable.dispose(),
  };
}
