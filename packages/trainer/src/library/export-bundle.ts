/** `exportBundle`: makes a bundle for browsers and devices from a checkpoint. */
import type { Quantization, Target } from '@unroll/edge-runtime';
import { z } from 'zod';
import { isElmoCheckpoint } from '../elmo/elmo-checkpoint.js';
import { type BundleExport, exportLanguageModel } from '../evaluation/export-language-model.js';
import { exportElmo, exportTask, type TaskExport } from '../tasks/export-task.js';
import { taskOfCheckpoint } from '../tasks/task-checkpoint.js';
import type { Listener } from '../terminal/listener.js';
import { inCode, listenerFields, parseOptions, path, signalOrNever } from './in-code.js';
import { type OwnModelSource, ownModelFields, ownTaskOf } from './own-model.js';

/** The checkpoint, where its bundle goes, and how it is made. */
export interface ExportOptions extends Listener, OwnModelSource {
  /** A folder that `train` or `importModel` wrote. */
  readonly checkpoint: string;
  /** The bundle's folder; an older bundle there is replaced. */
  readonly out: string;
  /**
   * How weights are stored; default `auto`: each matrix as it is fastest on the target. An application takes `auto`,
   * `none` or `int8`.
   */
  readonly quantization?: Quantization | undefined;
  /** The runtime that will run the bundle, and on which it is measured; default `wasm`. */
  readonly target?: Target | undefined;
  /** Adds the graphs for training a language model on the device, which are downloaded only for that; default false. */
  readonly personalization?: boolean | undefined;
  /** A corpus to measure the perplexity on: a folder, a text file, or `grammar`. */
  readonly data?: string | undefined;
  /** The part of the corpus; default `test`. */
  readonly split?: 'valid' | 'test' | undefined;
  /** Ends the work early; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const optionsSchema = z.strictObject({
  checkpoint: path,
  ...ownModelFields,
  out: path,
  quantization: z.enum(['auto', 'none', 'int8', 'mixed', 'int4']).default('auto'),
  target: z.enum(['wasm', 'webgpu', 'node']).default('wasm'),
  personalization: z.boolean().default(false),
  data: path.optional(),
  split: z.enum(['valid', 'test']).default('test'),
  signal: signalOrNever,
  ...listenerFields,
});

/**
 * Exports a checkpoint.
 * @returns the bundle's folder and size; of a language model its speed too, and its perplexity if there are data; an
 *   application has a `task`
 * @throws UnrollError with one line that says what cannot be read, exported or written; the signal's reason when it aborts
 * @example
 * const { bundle } = await exportBundle({ checkpoint: 'runs/first', out: 'bundles/first', quantization: 'int8' });
 * await exportBundle({ checkpoint: 'runs/mine', training: { model, loss, train }, out: 'bundles/mine' });
 */
export function exportBundle(options: ExportOptions): Promise<BundleExport | TaskExport> {
  return inCode(options, () => {
    const { signal, ...request } = parseOptions(optionsSchema, options, 'exportBundle');
    return exportCheckpoint(request, signal);
  });
}

export type ExportRequest = Omit<z.infer<typeof optionsSchema>, keyof Listener | 'signal'>;

/** Exports a checkpoint for {@link exportBundle} or the command. @throws as {@link exportBundle}, with flags in its lines */
export async function exportCheckpoint(
  { training, module, ...request }: ExportRequest,
  signal: AbortSignal,
): Promise<BundleExport | TaskExport> {
  const own = await ownTaskOf({ training, module });
  if (!own && (await isElmoCheckpoint(request.checkpoint))) return exportElmo(request);
  if (own || (await taskOfCheckpoint(request.checkpoint))) return exportTask(request, own);
  return exportLanguageModel(request, signal);
}
