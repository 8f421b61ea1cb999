/** Loads a model into this thread: what a worker does for its page, and what Node does. */
import { loadTokenizer, type Tokenizer } from '@unroll/core/text';
import type { Manifest } from '../bundle/manifest.js';
import { type Bundle, readBundle } from '../bundle/read-bundle.js';
import { loadDecoder } from '../decoder/decoder.js';
import { UnknownOperator } from '../decoder/program.js';
import { BundleError } from '../errors.js';
import { LocalLanguageModel } from '../runtime/local-language-model.js';
import { type BundleStepModel, loadStepModel, type OnnxRuntime } from '../runtime/step.js';
import { BundleCache } from './bundle-cache.js';
import type { DeviceUse, StartedDevice } from './device.js';
import type { LoadOptions } from './load-options.js';
import { startWasm } from './start-wasm.js';

export interface LocalLoadOptions extends Omit<LoadOptions, 'device'> {
  /** What runs the model: WebAssembly, on one thread, unless another `onnxruntime-common` module is given. */
  readonly ort?: OnnxRuntime | undefined;
}

/**
 * Loads the bundle at `address`, the URL of its folder or, in Node, its path, into this thread. In a page, prefer
 * `loadLanguageModel`, which leaves the page's thread free.
 *
 * @throws BundleError naming the file and the remedy if the bundle is missing, damaged, or of another version; the
 *   signal's reason if it aborts.
 */
export function loadLocalLanguageModel(
  address: string | URL,
  { ort, ...options }: LocalLoadOptions = {},
): Promise<LocalLanguageModel> {
  return loadOn(
    ort ? async () => ({ ort: async () => ort, use: { name: 'custom' } }) : startWasm,
    String(address),
    options,
  );
}

/** Loads a bundle on a device, which starts while the bundle is downloaded. */
export async function loadOn(
  start: () => Promise<StartedDevice>,
  address: string,
  { onProgress, signal, cache = true }: Omit<LoadOptions, 'device'>,
): Promise<LocalLanguageModel> {
  const store = cache ? await BundleCache.open() : undefined;
  const [started, bundle] = await Promise.all([start(), readBundle(address, { onProgress, signal, store })]);
  const { manifest, tokenizerJson } = bundle;
  const tokenizer = readTokenizer(tokenizerJson, address);
  if (tokenizer.vocabSize !== manifest.vocabSize) {
    const sizes = `tokenizer.json has ${tokenizer.vocabSize} tokens, the model ${manifest.vocabSize}`;
    throw new BundleError('manifest-invalid', `${address}: ${sizes}; export the bundle again`);
  }
  const { stepModel, use } = await loadOnDevice(started, bundle);
  if (signal?.aborted) await stepModel.dispose();
  signal?.throwIfAborted();
  return new LocalLanguageModel(stepModel, tokenizer, manifest, use);
}

/** The model on its device or, if a GPU refuses it, on WebAssembly. */
async function loadOnDevice(
  { ort, executionProvider, use }: StartedDevice,
  { model, manifest }: Pick<Bundle, 'model' | 'manifest'>,
): Promise<{ stepModel: BundleStepModel; use: DeviceUse }> {
  if (use.name === 'wasm') {
    const stepModel = await loadIntoDecoder(model, manifest);
    if (stepModel) return { stepModel, use };
  }
  const onnxRuntime = await ort();
  if (use.name !== 'webgpu') {
    return { stepModel: await loadStepModel(model, manifest, onnxRuntime, executionProvider), use };
  }
  try {
    return { stepModel: await loadStepModel(model, manifest, onnxRuntime, executionProvider), use };
  } catch (error) {
    const fallback: DeviceUse = {
      name: 'wasm',
      fallbackReason: `WebGPU refuses the model: ${(error as Error).message}`,
    };
    return loadOnDevice({ ort, executionProvider: 'wasm', use: fallback }, { model, manifest });
  }
}

function readTokenizer(json: unknown, address: string): Tokenizer {
  try {
    return loadTokenizer(json);
  } catch (cause) {
    throw new BundleError('tokenizer-invalid', `${address}: ${(cause as Error).message}; export the bundle again`, {
      cause,
    });
  }
}

/** The model in our own decoder; undefined if it has operators that only ONNX Runtime knows. */
async function loadIntoDecoder(model: Uint8Array, manifest: Manifest): Promise<BundleStepModel | undefined> {
  try {
    return await loadDecoder(model, manifest);
  } catch (error) {
    if (error instanceof UnknownOperator) return undefined;
    throw new BundleError('model-invalid', `model.onnx: ${(error as Error).message}; export the bundle again`, {
      cause: error,
    });
  }
}
