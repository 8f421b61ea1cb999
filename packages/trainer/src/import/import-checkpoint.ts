/** Makes a checkpoint from another framework's model. */
import { parameterShapes } from '@unroll/core';
import { elementCount } from '@unroll/core/onnx';
import { writeModel } from '../checkpoint/checkpoint.js';
import { inspectModel } from '../checkpoint/checkpoint-files.js';
import { UnrollError } from '../errors.js';
import { ResultLock } from '../files/result-lock.js';
import { type ForeignModelRequest, readForeignModel } from './import-model.js';

/** The checkpoint that was made of another framework's model. */
export interface ImportResult {
  /** Its folder. */
  readonly checkpoint: string;
  readonly cell: string;
  readonly layers: number;
  readonly embeddingDim: number;
  readonly hiddenDim: number;
  readonly vocabSize: number;
  readonly tieWeights: boolean;
  /** The number of parameters. */
  readonly parameters: number;
  /** Facts that the file does not contain and that were therefore assumed; one line each. */
  readonly assumptions: readonly string[];
  /** Names of the file's contents that are not part of the model. */
  readonly unread: readonly string[];
}

/**
 * Writes the checkpoint to the folder `out`.
 * @throws UnrollError saying what is wrong with which file; the signal's reason when it aborts
 */
export async function importCheckpoint(
  request: ForeignModelRequest,
  out: string,
  signal: AbortSignal,
): Promise<ImportResult> {
  if ((await inspectModel(out)) === 'foreign') {
    throw new UnrollError(`${out}: holds files that are no imported model's, and would be lost; choose another --out`);
  }
  await using lock = new ResultLock({ folder: out, role: 'import' });
  await lock.take();
  const { checkpoint, assumptions, unread } = await readForeignModel(request, signal);
  await writeModel(out, checkpoint);
  const { cell, layers, embeddingDim, hiddenDim, vocabSize, tieWeights } = checkpoint.config;
  const counts = Object.values(parameterShapes(checkpoint.config)).map(elementCount);
  const parameters = counts.reduce((sum, count) => sum + count, 0);
  const sizes = { layers, embeddingDim, hiddenDim, vocabSize, tieWeights, parameters };
  return { checkpoint: out, cell, ...sizes, assumptions, unread };
}
