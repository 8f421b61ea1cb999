/** Loads a model into a worker of its own: the page's thread stays free. `load.node.ts` is its counterpart in Node. */
import { folderAt } from '#bundle-source';
import type { Folder } from '../bundle/folder.js';
import type { LanguageModel } from '../runtime/language-model.js';
import { WorkerLanguageModel } from '../worker/worker-language-model.js';
import { WorkerLine } from '../worker/worker-line.js';
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
export async function loadLanguageModel(
  address: string | URL,
  { device = wasm, ...options }: LoadOptions = {},
): Promise<LanguageModel> {
  options.signal?.throwIfAborted();
  const folder = folderAt(address);
  let line: WorkerLine;
  try {
    line = new WorkerLine(device.createWorker);
  } catch (error) {
    return loadHere(folder, options, error as Error);
  }
  return WorkerLanguageModel.load(line, folder.address, options);
}

/** Where a page may not start a worker, as in a sandboxed frame or with trusted types, its own thread does the work. */
async function loadHere(
  folder: Folder,
  options: Omit<LoadOptions, 'device'>,
  { message }: Error,
): Promise<LanguageModel> {
  const { serveHere } = await import('../worker/serve-here.js');
  const fallbackReason = `the page may not start a worker, so that its own thread runs the model (${message})`;
  return WorkerLanguageModel.load(new WorkerLine(serveHere), folder.address, options, fallbackReason);
}
