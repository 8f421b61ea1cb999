/** Loads a model into a worker of its own: the page's thread stays free. `load.node.ts` is its counterpart in Node. */
import type { LanguageModel } from '../runtime/language-model.js';
import { WorkerLanguageModel } from '../worker/worker-language-model.js';
import { wasm } from './device.js';
import type { LoadOptions } from './load-options.js';

/**
 * Loads the bundle at `address`: the URL of its folder or, in Node, its path. In a page the model runs in a worker; in
 * Node, in this thread.
 *
 * @throws BundleError naming the file and the remedy if the bundle is missing, damaged, or of another version, or if the
 *   worker cannot start; the signal's reason if it aborts.
 * @example
 * const model = await loadLanguageModel('./model/');
 * for await (const { text } of model.generate('In the beginning')) output.append(text);
 */
export function loadLanguageModel(address: string | URL, options: LoadOptions = {}): Promise<LanguageModel> {
  const { device = wasm, ...rest } = options;
  const url = new URL(address, globalThis.document?.baseURI ?? globalThis.location.href);
  return WorkerLanguageModel.load(device.createWorker, url.href, rest);
}
