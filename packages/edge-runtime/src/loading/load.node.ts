/** Loads a model into this thread, because Node has no page to block. `load.browser.ts` is for pages. */
import type { Bundle } from '../bundle/read-bundle.js';
import type { LanguageModel } from '../runtime/language-model.js';
import { checkLoading } from './checked-loading.js';
import type { LoadedStep } from './device.js';
import { loadOn } from './load-local.js';
import type { LoadOptions } from './load-options.js';
import { loadOnWasm } from './on-wasm.js';

/** Like `loadLanguageModel` in `load.browser.ts`, but always on WebAssembly. */
export async function loadLanguageModel(address: string | URL, loadOptions: LoadOptions = {}): Promise<LanguageModel> {
  checkLoading(address, loadOptions);
  const { device, ...options } = loadOptions;
  return loadOn(device?.name === 'webgpu' ? loadWithoutWebGpu : loadOnWasm, address, options);
}

async function loadWithoutWebGpu(bundle: Bundle, onnxRuntime?: string): Promise<LoadedStep> {
  const { step, use } = await loadOnWasm(bundle, onnxRuntime);
  return { step, use: { ...use, fallbackReason: 'Node has no WebGPU' } };
}
