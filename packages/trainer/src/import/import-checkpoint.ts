/** Makes a checkpoint from another framework's model. */
import { elmoParameterShapes, parameterShapes, type Shapes } from '@unroll/core';
import { elementCount } from '@unroll/core/onnx';
import { writeModel } from '../checkpoint/checkpoint.js';
import { inspectModel } from '../checkpoint/checkpoint-files.js';
import { option } from '../configuration/option-names.js';
import { writeElmoCheckpoint } from '../elmo/elmo-checkpoint.js';
import { UnrollError } from '../errors.js';
import { ResultLock } from '../files/result-lock.js';
import { readBilmModel } from './bilm-model.js';
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

/** The checkpoint that was made of a published ELMo. */
export interface ElmoImport {
  /** Its folder. */
  readonly checkpoint: string;
  readonly model: 'elmo';
  /** Units of each LSTM. */
  readonly hiddenDim: number;
  readonly projectionDim: number;
  /** Bytes of a word, with its two marks, that are read. */
  readonly maxCharacters: number;
  /** The number of parameters. */
  readonly parameters: number;
  /** Names of the file's contents that are not part of the model. */
  readonly unread: readonly string[];
}

/**
 * Writes the checkpoint of a language model to the folder `out`.
 * @throws UnrollError saying what is wrong with which file; the signal's reason when it aborts
 */
export async function importCheckpoint(
  request: ForeignModelRequest,
  out: string,
  signal: AbortSignal,
): Promise<ImportResult> {
  await using _lock = await placeFor(out);
  const { checkpoint, assumptions, unread } = await readForeignModel(request, signal);
  await writeModel(out, checkpoint);
  const { cell, layers, embeddingDim, hiddenDim, vocabSize, tieWeights } = checkpoint.config;
  const parameters = countOf(parameterShapes(checkpoint.config));
  const sizes = { layers, embeddingDim, hiddenDim, vocabSize, tieWeights, parameters };
  return { checkpoint: out, cell, ...sizes, assumptions, unread };
}

/**
 * Writes the checkpoint of the ELMo in the folder `source` to the folder `out`.
 * @throws as {@link importCheckpoint}
 */
export async function importElmo(source: string, out: string, signal: AbortSignal): Promise<ElmoImport> {
  await using _lock = await placeFor(out);
  const { config, parameters: values, unread } = await readBilmModel(source, signal);
  await writeElmoCheckpoint(out, { config, parameters: values });
  const { hiddenDim, projectionDim, maxCharacters } = config;
  const parameters = countOf(elmoParameterShapes(config));
  return { checkpoint: out, model: 'elmo', hiddenDim, projectionDim, maxCharacters, parameters, unread };
}

/** Locks the folder of a checkpoint. @throws UnrollError if it holds something else */
async function placeFor(out: string): Promise<ResultLock> {
  if ((await inspectModel(out)) === 'foreign') {
    throw new UnrollError(
      `${out}: holds files that are no imported model's, and would be lost; choose another ${option('out')}`,
    );
  }
  const lock = new ResultLock({ folder: out, role: 'import' });
  await lock.take();
  return lock;
}

function countOf(shapes: Shapes): number {
  return Object.values(shapes)
    .map(elementCount)
    .reduce((sum, count) => sum + count, 0);
}
