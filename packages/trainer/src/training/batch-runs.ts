/** Runs a program on consecutive batches, with the lanes' state carried from each to the next. */
import type { Batch, LaneBatches } from '../data/batches.js';
import { type Executable, type Residents, runMany } from '../engines/engine.js';
import type { BatchInputs } from './batch-inputs.js';

/** The scalar inputs of an update. */
export type UpdateScalars = Readonly<Record<string, Float32Array>>;

export interface BatchProgram {
  readonly executable: Executable;
  readonly batches: LaneBatches;
  readonly inputs: BatchInputs;
  /** The lanes' state. */
  readonly recurrent: Residents;
}

export interface BatchOutputs {
  readonly batch: Batch;
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

/**
 * Runs the program once for each element of `scalars`, on consecutive batches from `first` on.
 * @throws Error if a later batch begins an epoch: the lanes' state would have to be reset between the runs
 */
export async function runBatches(
  { executable, batches, inputs, recurrent }: BatchProgram,
  first: number,
  scalars: readonly UpdateScalars[],
): Promise<BatchOutputs[]> {
  const read = scalars.map((_, k) => batches.batchAt(first + k));
  if (read.slice(1).some(({ resetState }) => resetState)) throw new Error('batches of two epochs in one run');
  if (read[0]?.resetState) recurrent.clear();
  const outputs = await runMany(executable, read.length, (k) => ({
    ...inputs.fill(read[k]!, first + k),
    ...scalars[k],
  }));
  return read.map((batch, k) => ({ batch, outputs: outputs[k]! }));
}
