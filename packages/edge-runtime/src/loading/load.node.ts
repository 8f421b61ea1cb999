/** Loads a model into this thread: Node runs no page that it could block. `load.browser.ts` is for pages. */
import type { LanguageModel } from '../runtime/language-model.js';
import { loadOn } from './load-local.js';
import type { LoadOptions } from './load-options.js';
import { startWasm } from './start-wasm.js';

/** As in `load.browser.ts`, on WebAssembly whatever the device. */
export function loadLanguageModel(
  address: string | URL,
  { device, ...options }: LoadOptions = {},
): Promise<LanguageModel> {
  return loadOn(device?.name === 'webgpu' ? startWithoutWebGpu : startWasm, String(address), options);
}

async function startWithoutWebGpu() {
  const fallbackReason = 'Node has no WebGPU; give onnxruntime-node to loadLocalLanguageModel for native speed';
  return { ...(await startWasm()), use: { name: 'wasm', fallbackReason } as const };
}
