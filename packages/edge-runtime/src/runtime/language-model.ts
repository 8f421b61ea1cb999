/** The language model that applications hold: loads a bundle, then generates, scores and suggests text with it. */
import { loadTokenizer, type Tokenizer } from '@unroll/core/text';
import type { Manifest } from '../bundle/manifest.js';
import { type ReadBundleOptions, readBundle } from '../bundle/read-bundle.js';
import { BundleError } from '../errors.js';
import { ContextReader } from './context.js';
import { type GeneratedToken, type GenerateOptions, generate } from './generate.js';
import { type IdScore, logProbabilities, type Score, scoreIds } from './score.js';
import { loadStepModel, type OnnxRuntime, type StepModel } from './step.js';
import { type SuggestOptions, suggest } from './suggest.js';

export interface LoadOptions extends ReadBundleOptions {
  /** What runs the model: `onnxruntime-web/wasm`, on one thread, unless another `onnxruntime-common` module is given. */
  readonly ort?: OnnxRuntime | undefined;
}

/**
 * Loads the bundle at `address`: the URL of its folder or, in Node, its path.
 *
 * @throws BundleError naming the file and the remedy if the bundle is missing, damaged, or of another version; the
 *   signal's reason if it aborts.
 * @example
 * const model = await loadLanguageModel('./model/');
 * for await (const { text } of model.generate('In the beginning')) output.append(text);
 */
export async function loadLanguageModel(address: string | URL, options: LoadOptions = {}): Promise<LanguageModel> {
  const { manifest, model, tokenizerJson } = await readBundle(String(address), options);
  const tokenizer = readTokenizer(tokenizerJson, address);
  if (tokenizer.vocabSize !== manifest.vocabSize) {
    const sizes = `tokenizer.json has ${tokenizer.vocabSize} tokens, the model ${manifest.vocabSize}`;
    throw new BundleError('manifest-invalid', `${address}: ${sizes}; export the bundle again`);
  }
  const stepModel = options.ort
    ? await loadStepModel(model, manifest, options.ort)
    : await loadStepModel(await fitForWasm(model, manifest), manifest, await wasmRuntime());
  options.signal?.throwIfAborted();
  return new LanguageModel(stepModel, tokenizer, manifest);
}

function readTokenizer(json: unknown, address: string | URL): Tokenizer {
  try {
    return loadTokenizer(json);
  } catch (cause) {
    throw new BundleError('tokenizer-invalid', `${address}: ${(cause as Error).message}; export the bundle again`, {
      cause,
    });
  }
}

async function wasmRuntime(): Promise<OnnxRuntime> {
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = 1;
  return ort;
}

/** The model as WebAssembly runs it fast. Imported only if needed: it reads and writes ONNX files. */
async function fitForWasm(model: Uint8Array, { quantization }: Manifest): Promise<Uint8Array> {
  if (quantization !== 'int4') return model;
  const { decodeOnnx, encodeOnnx } = await import('@unroll/core/onnx');
  const { widenInt4Products } = await import('../quantization/widen.js');
  return encodeOnnx(widenInt4Products(decodeOnnx(model)));
}

/** A loaded model. Every text is read from the zero state, after one end-of-line token. Made by `loadLanguageModel`. */
export class LanguageModel implements AsyncDisposable {
  readonly #model: StepModel;
  readonly #reader: ContextReader;

  constructor(
    model: StepModel,
    readonly tokenizer: Tokenizer,
    readonly manifest: Manifest,
  ) {
    this.#model = model;
    this.#reader = new ContextReader(model);
  }

  /**
   * Streams what the model writes after `prompt`. At temperature 0 it is the likeliest token each time; otherwise the
   * same seed gives the same text.
   * @throws RangeError for an option out of range; the signal's reason if it aborts.
   */
  generate(prompt: string, options: GenerateOptions = {}): AsyncGenerator<GeneratedToken, void, undefined> {
    return generate(this.#model, this.tokenizer, prompt, options);
  }

  /** How probable `text` is, token by token. No end of line is added. */
  async score(text: string): Promise<Score> {
    const ids = this.tokenizer.encode(text);
    return { tokens: ids.map((id) => this.tokenizer.token(id)), ...(await this.scoreIds(ids)) };
  }

  /**
   * As `score`, of token ids.
   * @throws RangeError for an id that is not in the vocabulary.
   */
  scoreIds(ids: readonly number[]): Promise<IdScore> {
    return scoreIds(this.#model, this.tokenizer.eosId, ids);
  }

  /** The log-probabilities of the ids of a long text, each as soon as it is computed; ids as for `scoreIds`. */
  logProbabilities(ids: Iterable<number>): AsyncGenerator<number, void, undefined> {
    return logProbabilities(this.#model, this.tokenizer.eosId, ids);
  }

  /** The likeliest next words after `text`, or completions of its last word if it does not end in white space. */
  suggest(text: string, options: SuggestOptions = {}): Promise<string[]> {
    return suggest({ tokenizer: this.tokenizer, model: this.#model, reader: this.#reader }, text, options);
  }

  /** Frees the model's memory. It cannot be used afterwards. */
  dispose(): Promise<void> {
    return this.#model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
