/**
 * Reads a transformer's folder as written by Hugging Face's tools: `config.json`, `tokenizer.json` and an ONNX graph.
 * Such folders have no hashes, so the only check is that the parts belong together.
 */
import type { Tensor } from 'onnxruntime-common';
import { folderAt, readFile } from '#bundle-source';
import type { Folder } from '../bundle/folder.js';
import { BundleError } from '../errors.js';
import { checkLoading } from '../loading/checked-loading.js';
import { loadOnnxRuntime } from '../loading/onnx-runtime.js';
import { disposed } from '../runtime/language-model.js';
import { createSession, type OnnxRuntime, type Session } from '../runtime/session.js';
import { PretrainedTokenizer } from './pretrained-tokenizer.js';

export interface LoadTransformerOptions {
  /**
   * The graph's path in the folder, such as `onnx/model_quantized.onnx`; by default the first of the usual ones that
   * exists.
   */
  readonly file?: string | undefined;
  /**
   * The module `onnxruntime-common` that runs the model; by default ONNX Runtime's WebAssembly build, on one thread.
   */
  readonly ort?: OnnxRuntime | undefined;
  /** Aborting ends the loading and throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The contents of a folder, ready to run. */
export interface TransformerFolder {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokenizer: PretrainedTokenizer;
  readonly ort: OnnxRuntime;
  /** Names of the graph's inputs. */
  readonly inputNames: readonly string[];
  /**
   * Runs the graph on those of `known` that are its inputs.
   * @throws Error after `dispose`
   */
  run(known: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  /** Frees the graph's memory; further calls do nothing. */
  dispose(): Promise<void>;
}

/** The requirements of a kind of model. */
export interface TransformerKind {
  /** `model_type` of `config.json`. */
  readonly modelType: 'gpt2' | 'bert';
  /** Fields of `config.json` that must be whole numbers: sizes and ids. */
  readonly numbers: readonly string[];
  /** Whether the graph may have an input of this name. */
  readonly takes: (input: string) => boolean;
  /** Graph inputs that must exist. */
  readonly inputs: readonly string[];
  /** Optimum's name of the task to export the model for. */
  readonly task: string;
}

/** Upper limits of files' sizes, many times what they have. */
const largestConfig = 2 ** 24;
const largestTokenizer = 2 ** 27;
/** No ONNX file is longer: it is one message of Protocol Buffers. */
const largestModel = 2 ** 31 - 1;

const modelFiles = [
  'onnx/model.onnx',
  'model.onnx',
  'onnx/decoder_model_merged.onnx',
  'decoder_model_merged.onnx',
] as const;

/**
 * Reads and checks a folder.
 * @throws TypeError naming an argument of the wrong kind; BundleError naming the file and the remedy; the signal's
 * reason if it aborts
 */
export async function readTransformerFolder(
  address: string | URL,
  kind: TransformerKind,
  options: LoadTransformerOptions,
): Promise<TransformerFolder> {
  checkLoading(address, options);
  const { file, ort: given, signal } = options;
  const folder = folderAt(address);
  const config = await readJson(folder, 'config.json', largestConfig, signal);
  checkConfig(config, kind, folder.nameOf('config.json'));
  const tokenizerJson = await readJson(folder, 'tokenizer.json', largestTokenizer, signal);
  const tokenizer = tokenizerOf(tokenizerJson, kind, folder.nameOf('tokenizer.json'));
  if (tokenizer.vocabSize > Number(config.vocab_size)) {
    const sizes = `${tokenizer.vocabSize} tokens, the model has ${config.vocab_size}`;
    throw new BundleError(
      'tokenizer-invalid',
      `${folder.nameOf('tokenizer.json')}: ${sizes}; copy both from one model`,
    );
  }
  const model = await readModel(folder, file ? [file] : modelFiles, signal);
  const ort = given ?? (await loadOnnxRuntime());
  const session = await createSession(model.bytes, ort, model.path);
  const problem = graphProblem(session, kind);
  if (problem) {
    await session.release();
    throw new BundleError('model-invalid', `${model.path}: ${problem}`);
  }
  return { config, tokenizer, ort, ...runnable(session) };
}

function runnable(session: Session): Pick<TransformerFolder, 'inputNames' | 'run' | 'dispose'> {
  let released: Promise<void> | undefined;
  return {
    inputNames: session.inputNames,
    async run(known) {
      if (released) throw new Error(disposed);
      return session.run(Object.fromEntries(session.inputNames.map((name) => [name, known[name]!])));
    },
    dispose() {
      released ??= session.release();
      return released;
    },
  };
}

async function readJson(
  folder: Folder,
  name: string,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Record<string, unknown>> {
  const bytes = await readFile(folder, name, { signal, maxBytes });
  const value = parsed(new TextDecoder().decode(bytes));
  if (value !== null && typeof value === 'object') return value as Record<string, unknown>;
  throw new BundleError(
    'manifest-invalid',
    `${folder.nameOf(name)}: is not a JSON object; check the address and its server, or copy the folder again`,
  );
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function checkConfig(config: Record<string, unknown>, { modelType, numbers }: TransformerKind, file: string): void {
  if (config.model_type === undefined) {
    throw new BundleError('manifest-invalid', `${file}: has no 'model_type'; is this the address of a model's folder?`);
  }
  if (config.model_type !== modelType) {
    const message = `${file}: 'model_type' is '${config.model_type}', not '${modelType}'; load it by its own kind`;
    throw new BundleError('manifest-invalid', message);
  }
  for (const name of ['vocab_size', ...numbers]) {
    if (Number.isInteger(config[name]) && Number(config[name]) >= 0) continue;
    throw new BundleError('manifest-invalid', `${file}: '${name}' is not a whole number; export the model again`);
  }
}

function tokenizerOf(json: object, { modelType }: TransformerKind, file: string): PretrainedTokenizer {
  try {
    return new PretrainedTokenizer(json, modelType);
  } catch (cause) {
    const problem = (cause as Error).message.replace(/^tokenizer\.json: /, '');
    const message = `${file}: cannot be used (${problem})`;
    throw new BundleError('tokenizer-invalid', message, { cause });
  }
}

/** Reads the first of `names` that exists. */
async function readModel(
  folder: Folder,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ path: string; bytes: Uint8Array }> {
  for (const name of names) {
    try {
      return { path: folder.nameOf(name), bytes: await readFile(folder, name, { signal, maxBytes: largestModel }) };
    } catch (error) {
      if (!(error instanceof BundleError && error.code === 'file-missing')) throw error;
    }
  }
  throw new BundleError('file-missing', `${folder.key}: has none of ${names.join(', ')}; name its graph with 'file'`);
}

/** Why the graph does not belong to this kind of model; undefined if it does. */
function graphProblem(session: Session, { inputs, takes, task }: TransformerKind): string | undefined {
  const remedy = `export it for '${task}'`;
  const missing = inputs.find((name) => !session.inputNames.includes(name));
  if (missing) return `has no input '${missing}'; ${remedy}`;
  const unknown = session.inputNames.find((name) => !takes(name));
  if (unknown) return `has an input '${unknown}' that is not known here; ${remedy}`;
  if (!session.outputNames.includes('logits')) return `has no output 'logits'; ${remedy}`;
  const half = [...session.inputMetadata, ...session.outputMetadata].find(
    (value) => value.isTensor && value.type === 'float16',
  );
  if (half) return `'${half.name}' is float16; use the float32 file or an 8-bit one`;
  return undefined;
}
