/** Runs a program on consecutive batches, with the lanes' state carried from each to the next. */
import type { Trainable } from '@unroll/core/internal';
import type { Residents } from '../../engines/engine.js';
import type { BatchSource, TrainingBatch } from './batch-source.js';
import { isStateCleared } from './statistics.js';
import type { StepExecutable } from './step-executable.js';

/** The scalar inputs of an update. */
export type ScalarInputs = Readonly<Record<string, Float32Array>>;

export interface BatchProgram {
  readonly executable: StepExecutable;
  readonly batches: BatchSource;
  readonly model: Trainable;
  /** The lanes' state. */
  readonly recurrent: Residents;
}

export interface BatchOutputs {
  readonly batch: TrainingBatch;
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

/**
 * Runs the program once for each element of `scalars`, on consecutive batches from `first` on.
 * @throws Error if a later batch begins an epoch: the lanes' state would have to be reset between the runs
 */
export async function runBatches(
  { executable, batches, model, recurrent }: BatchProgram,
  first: number,
  scalars: readonly ScalarInputs[],
): Promise<BatchOutputs[]> {
  const read = scalars.map((_, k) => batches.batchAt(first + k));
  if (read.slice(1).some(({ beginsEpoch }) => beginsEpoch)) throw new Error('batches of two epochs in one run');
  if (read[0] && isStateCleared(model, read[0])) recurrent.clear();
  const outputs = await executable.runMany(read, scalars);
  return read.map((batch, k) => ({ batch, outputs: outputs[k]! }));
}
