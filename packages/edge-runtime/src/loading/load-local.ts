/** Loads a model into this thread, as a worker does for its page, and as Node does. */
import { loadTokenizer, type Tokenizer } from '@unroll/core/text';
import { folderAt } from '#bundle-source';
import type { Folder } from '../bundle/folder.js';
import { type Manifest, modelFile } from '../bundle/manifest.js';
import { type Bundle, readBundle } from '../bundle/read-bundle.js';
import { BundleError } from '../errors.js';
import { Personalizer } from '../personalization/personalizer.js';
import { breathing } from '../runtime/breathing.js';
import { LocalLanguageModel } from '../runtime/local-language-model.js';
import type { OnnxRuntime } from '../runtime/session.js';
import { loadStepModel } from '../runtime/step.js';
import { BundleCache } from './bundle-cache.js';
import { checkLoading } from './checked-loading.js';
import type { LoadedStep } from './device.js';
import type { LoadOptions } from './load-options.js';
import { loadOnWasm } from './on-wasm.js';
import { loadOnnxRuntime } from './onnx-runtime.js';

export interface LocalLoadOptions extends Omit<LoadOptions, 'device'> {
  /** The module `onnxruntime-common` that runs the model; by default WebAssembly, on one thread. */
  readonly ort?: OnnxRuntime | undefined;
  /**
   * Compiled `@unroll/edge-runtime/kernels.wasm`, for runtimes that cannot compile WebAssembly while they run, such as
   * Cloudflare Workers.
   */
  readonly kernels?: WebAssembly.Module | undefined;
}

/**
 * Loads the bundle at `address`, the URL of its folder or, in Node, its path, into this thread. In a page, prefer
 * `loadLanguageModel`, which leaves the page's thread free.
 *
 * @throws TypeError or RangeError naming an argument of the wrong kind; BundleError naming the file and the remedy if
 * the bundle is missing, damaged, or of another version; the signal's reason if it aborts
 */
export async function loadLocalLanguageModel(
  address: string | URL,
  loadOptions: LocalLoadOptions = {},
): Promise<LocalLanguageModel> {
  checkLoading(address, loadOptions);
  const { ort, kernels, ...options } = loadOptions;
  const loadOnCustom = async ({ model, manifest }: Bundle): Promise<LoadedStep> => ({
    step: await loadStepModel(model, manifest, ort!),
    use: { name: 'custom', runtime: 'onnxruntime' },
  });
  const loadOnKernels = (bundle: Bundle, onnxRuntime?: string) => loadOnWasm(bundle, onnxRuntime, kernels);
  return loadOn(ort ? loadOnCustom : loadOnKernels, address, options, ort);
}

/**
 * Loads a bundle, and its step with `loadStep`. `ort` runs training; by default ONNX Runtime's WebAssembly build does.
 */
export async function loadOn(
  loadStep: (bundle: Bundle, onnxRuntime?: string) => Promise<LoadedStep>,
  address: string | URL,
  { onProgress, signal, cache = true, integrity, onnxRuntime: module }: Omit<LoadOptions, 'device'>,
  ort?: OnnxRuntime,
): Promise<LocalLanguageModel> {
  const folder = folderAt(address);
  const onnxRuntime = module === undefined ? undefined : String(module);
  const store = cache ? new BundleCache() : undefined;
  const bundle = await readBundle(folder, { onProgress, signal, store, integrity });
  const { manifest, serverFailure } = bundle;
  const tokenizer = readTokenizer(bundle.tokenizerJson, folder);
  if (tokenizer.vocabSize !== manifest.vocabSize) {
    const sizes = `its tokenizer has ${tokenizer.vocabSize} tokens, the model ${manifest.vocabSize}`;
    throw new BundleError('manifest-invalid', `${folder.key}: ${sizes}; export the bundle again`);
  }
  const { step, use } = await loadStep(bundle, onnxRuntime);
  if (signal?.aborted) await step.dispose();
  signal?.throwIfAborted();
  const personalizer = new Personalizer({
    folder,
    manifest,
    tokenizer,
    base: breathing(step),
    readModel: () => readModelAgain(folder, manifest, store),
    loadStep: (changed) => (ort ? loadStep({ ...bundle, ...changed }) : loadOnWasm(changed, onnxRuntime)),
    ort: async () => ort ?? (await loadOnnxRuntime(onnxRuntime)),
  });
  const personalized = await personalizer.restore();
  const bundleNotKept = store ? store.problem : 'it was loaded with cache: false';
  const storage = { ...(bundleNotKept && { bundleNotKept }), ...(serverFailure && { serverFailure }) };
  return new LocalLanguageModel(step, tokenizer, manifest, use, storage, personalizer, personalized);
}

async function readModelAgain(folder: Folder, manifest: Manifest, store: BundleCache | undefined) {
  const again = await readBundle(folder, { store });
  if (again.manifest.files[modelFile].sha256 === manifest.files[modelFile].sha256) return again.model;
  throw new BundleError('file-altered', `${folder.key}: the bundle was replaced while it was in use; load it again`);
}

function readTokenizer(json: unknown, folder: Folder): Tokenizer {
  try {
    return loadTokenizer(json);
  } catch (cause) {
    throw new BundleError('tokenizer-invalid', `${folder.key}: ${(cause as Error).message}; export the bundle again`, {
      cause,
    });
  }
}
