/** `importModel`: makes a checkpoint of a model that another framework saved. */
import { z } from 'zod';
import { option } from '../configuration/option-names.js';
import { UsageError } from '../errors.js';
import { type ElmoImport, type ImportResult, importCheckpoint, importElmo } from '../import/import-checkpoint.js';
import { type ImportSource, sources, type VocabularySource } from '../import/sources.js';
import { requireNoTensorFlowCheckpoint } from '../import/tensorflow-checkpoint.js';
import type { Listener } from '../terminal/listener.js';
import { inCode, listenerFields, parseOptions, path, signalOrNever } from './in-code.js';

/** The file, what it holds, and where the checkpoint goes. */
export interface ImportOptions extends Listener {
  /** The framework that saved the model. */
  readonly from: ImportSource;
  /**
   * A state_dict (`.pt`, `.pth`, `.safetensors`, `.index.json`), a Keras model (`.h5`, `.keras`), a `model.json`, or the folder of
   * an ELMo or of a charRNN of ml5.
   */
  readonly file: string;
  /** Words by id: one a line, a JSON list or object, or a `tokenizer.json`; for RWKV, the World vocabulary. ELMo reads words by their characters, and ml5's models have them. */
  readonly vocab?: string | undefined;
  /** The checkpoint's folder; an imported one there is replaced. */
  readonly out: string;
  /** For PyTorch: a JSON file that names the modules embedding, recurrent and output, and an RNN's nonlinearity. */
  readonly mapping?: string | undefined;
  /** Ends the work early; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const optionsSchema = z.strictObject({
  from: z.enum(sources),
  file: path,
  vocab: path.optional(),
  out: path,
  mapping: path.optional(),
  signal: signalOrNever,
  ...listenerFields,
});

/**
 * Imports a model. No code in its file is executed.
 * @returns the checkpoint's folder and sizes, what was assumed, and what of the file was not read
 * @throws UnrollError with one line that says what is wrong with which file; the signal's reason when it aborts
 * @example
 * await importModel({ from: 'pytorch', file: 'model.pt', vocab: 'words.txt', out: 'runs/imported' });
 */
export function importModel(options: ImportOptions & { readonly from: 'bilm' }): Promise<ElmoImport>;
export function importModel(
  options: ImportOptions & { readonly from: VocabularySource | 'ml5' },
): Promise<ImportResult>;
export function importModel(options: ImportOptions): Promise<ImportResult | ElmoImport>;
export function importModel(options: ImportOptions): Promise<ImportResult | ElmoImport> {
  return inCode(options, () => {
    const { signal, ...request } = parseOptions(optionsSchema, options, 'importModel');
    return importForeignModel(request, signal);
  });
}

export type ImportRequest = Omit<z.infer<typeof optionsSchema>, keyof Listener | 'signal'>;

/** Imports a model for {@link importModel} or the command. @throws as {@link importModel}, with flags in its lines */
export async function importForeignModel(
  { out, mapping, from, file, vocab }: ImportRequest,
  signal: AbortSignal,
): Promise<ImportResult | ElmoImport> {
  requireNoTensorFlowCheckpoint(file, from);
  if (from === 'bilm' || from === 'ml5') {
    if (vocab !== undefined) {
      const why = from === 'bilm' ? 'ELMo reads words by their characters' : 'the folder has its own, vocab.json';
      throw new UsageError(`${option('vocab')}: ${why}; leave it out`);
    }
    if (mapping !== undefined)
      throw new UsageError(`${option('mapping')}: is for ${option('from')} pytorch; leave it out`);
    if (from === 'bilm') return importElmo(file, out, signal);
  }
  if (mapping !== undefined && from !== 'pytorch') {
    throw new UsageError(
      `${option('mapping')}: is for ${option('from')} pytorch; the layers of a ${from} model say what they are`,
    );
  }
  return importCheckpoint(
    { from, file, ...(vocab !== undefined && { vocab }), ...(mapping === undefined ? {} : { mapping }) },
    out,
    signal,
  );
}
