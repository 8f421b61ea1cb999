/** Exports the checkpoint of a task, or of ELMo, as a bundle for browsers and devices. */
import { buildApplication, type MatrixScheme, type Quantization } from '@unroll/edge-runtime';
import { requireFiniteParameters } from '../checkpoint/finite.js';
import { option } from '../configuration/option-names.js';
import { elmoKind } from '../elmo/elmo-checkpoint.js';
import { elmoBundle } from '../elmo/export-elmo.js';
import { UnrollError, UsageError } from '../errors.js';
import { inspectFolder, replaceFolder } from '../files/result-folder.js';
import { ResultLock } from '../files/result-lock.js';
import type { Task } from './task.js';
import { readTaskCheckpoint } from './task-checkpoint.js';

export interface TaskExportRequest {
  readonly checkpoint: string;
  readonly out: string;
  readonly quantization: Quantization;
  readonly data?: string | undefined;
  readonly personalization: boolean;
}

/** The bundle that was made of an application's checkpoint. */
export interface TaskExport {
  /** Its folder. */
  readonly bundle: string;
  readonly task: string;
  /** Size of all files, in bytes. */
  readonly bytes: number;
}

/** ONNX Runtime Web runs products of these sizes fastest in float32; int8 makes the download smaller. */
const schemes: Partial<Record<Quantization, MatrixScheme>> = { auto: 'float32', none: 'float32', int8: 'int8-weights' };

/**
 * Exports the checkpoint.
 * @param own the task that it is of, if that is none of ours
 * @throws UnrollError, UsageError naming what is wrong with the request or the checkpoint
 */
export async function exportTask(request: TaskExportRequest, own?: Task): Promise<TaskExport> {
  const scheme = schemeOf(request);
  const { checkpoint, out } = request;
  const { task, model, parameters } = await readTaskCheckpoint(checkpoint, own);
  requireFiniteParameters(parameters, checkpoint);
  const { graphs, config } = model.bundle(parameters);
  return writeBundle(out, task.name, await buildApplication({ task: task.name, graphs, config, scheme }));
}

/**
 * Exports the checkpoint of an ELMo.
 * @throws UnrollError, UsageError naming what is wrong with the request or the checkpoint
 */
export async function exportElmo(request: TaskExportRequest): Promise<TaskExport> {
  const scheme = schemeOf(request);
  return writeBundle(request.out, elmoKind, await elmoBundle(request.checkpoint, scheme));
}

function schemeOf({ quantization, data, personalization }: TaskExportRequest): MatrixScheme {
  const scheme = schemes[quantization];
  if (!scheme)
    throw new UsageError(`${option('quantization')}: ${quantization} is for language models; give auto, none or int8`);
  if (data !== undefined)
    throw new UsageError(`${option('data')}: is for language models; 'unroll eval' measures an application`);
  if (personalization) throw new UsageError(`${option('personalization')}: is for language models; leave it out`);
  return scheme;
}

async function writeBundle(
  out: string,
  task: string,
  files: Map<string, Uint8Array<ArrayBuffer>>,
): Promise<TaskExport> {
  if ((await inspectFolder(out, [...files.keys()])) === 'foreign') {
    throw new UnrollError(
      `${out}: holds files that are no such bundle's, and would be lost; choose another ${option('out')}`,
    );
  }
  await using lock = new ResultLock({ folder: out, role: 'export' });
  await lock.take();
  await replaceFolder(out, Object.fromEntries(files));
  return { bundle: out, task, bytes: [...files.values()].reduce((sum, { length }) => sum + length, 0) };
}
