/** Makes a checkpoint from another framework's model. */
import { parameterShapes } from '@unroll/core';
import { elementCount } from '@unroll/core/onnx';
import { writeModel } from '../checkpoint/checkpoint.js';
import { inspectModel } from '../checkpoint/checkpoint-files.js';
import { UnrollError } from '../errors.js';
import { ResultLock } from '../files/result-lock.js';
import { log } from '../terminal/log.js';
import { type ImportRequest, importModel } from './import-model.js';

export interface ImportResult {
  readonly checkpoint: string;
  readonly cell: string;
  readonly layers: number;
  readonly embeddingDim: number;
  readonly hiddenDim: number;
  readonly vocabSize: number;
  readonly tieWeights: boolean;
  readonly parameters: number;
}

/**
 * Writes the checkpoint to the folder `out`, and lists on stderr what was assumed.
 * @throws UnrollError saying what is wrong with which file; the signal's reason when it aborts
 */
export async function importCheckpoint(
  request: ImportRequest,
  out: string,
  signal: AbortSignal,
): Promise<ImportResult> {
  if ((await inspectModel(out)) === 'foreign') {
    throw new UnrollError(`${out}: holds files that are no imported model's, and would be lost; choose another --out`);
  }
  await using lock = new ResultLock({ folder: out, role: 'import' });
  await lock.take();
  const { checkpoint, assumptions, unread } = await importModel(request, signal);
  for (const assumption of assumptions) log(`${request.file}: assumed: ${assumption}`);
  if (unread.length > 0) log(`${request.file}: left unread: ${nameList(unread)}`);
  await writeModel(out, checkpoint);
  const { cell, layers, embeddingDim, hiddenDim, vocabSize, tieWeights } = checkpoint.config;
  const counts = Object.values(parameterShapes(checkpoint.config)).map(elementCount);
  const parameters = counts.reduce((sum, count) => sum + count, 0);
  return { checkpoint: out, cell, layers, embeddingDim, hiddenDim, vocabSize, tieWeights, parameters };
}

/** Lists the first of some names, quoted, as they may contain any characters. */
function nameList(names: readonly string[]): string {
  const first = names.slice(0, 10).map((name) => JSON.stringify(name));
  return [...first, ...(names.length > first.length ? [`${names.length - first.length} more`] : [])].join(', ');
}
