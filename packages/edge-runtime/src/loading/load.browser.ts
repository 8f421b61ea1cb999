/**
 * Loads a model into its own worker, so that the page's thread stays free. `load.node.ts` is the counterpart for Node.
 */
import { folderAt } from '#bundle-source';
import { checkedUrl } from '../arguments.js';
import { BundleError } from '../errors.js';
import type { LanguageModel } from '../runtime/language-model.js';
import type { Addresses } from '../worker/protocol.js';
import { WorkerLanguageModel } from '../worker/worker-language-model.js';
import { WorkerLine } from '../worker/worker-line.js';
import { checkLoading } from './checked-loading.js';
import { wasm } from './device.js';
import type { LoadOptions } from './load-options.js';

/**
 * Loads the bundle at `address`: the URL of its folder or, in Node, its path. In a page the model runs in a worker; in
 * Node, in this thread.
 *
 * @throws TypeError or RangeError naming an argument of the wrong kind; BundleError naming the file and the remedy if
 * the bundle is missing, damaged, or of another version, or if the worker cannot start; the signal's reason if it
 * aborts
 * @example
 * const model = await loadLanguageModel('./model/');
 * for await (const { text } of model.generate('In the beginning')) output.append(text);
 */
export async function loadLanguageModel(address: string | URL, loadOptions: LoadOptions = {}): Promise<LanguageModel> {
  checkLoading(address, loadOptions);
  const { device = wasm, onnxRuntime, ...options } = loadOptions;
  options.signal?.throwIfAborted();
  const module = onnxRuntime === undefined ? undefined : checkedUrl('onnxRuntime', onnxRuntime);
  const addresses = { address: folderAt(address).address, onnxRuntime: module };
  const served = await loadInWorker(device.createWorker, addresses, options);
  if (!(served instanceof Error)) return served;
  // Some bundlers deliver no script for the worker, and scripts from other sites cannot start one.
  const embedded = await import('../worker/start-embedded.js').then(
    ({ startEmbedded }) => loadInWorker(() => startEmbedded(device.name), addresses, options),
    (error: Error) => error,
  );
  if (!(embedded instanceof Error)) return embedded;
  if (served instanceof BundleError) throw served;
  return loadHere(addresses, options, served);
}

type LoadingOptions = Omit<LoadOptions, 'device' | 'onnxRuntime'>;

/**
 * Loads the model in a worker. If the worker does not start, returns why: a BundleError, or the browser's error for
 * pages that may not start workers.
 */
async function loadInWorker(
  createWorker: () => Worker,
  addresses: Addresses,
  options: LoadingOptions,
): Promise<LanguageModel | Error> {
  let line: WorkerLine;
  try {
    line = new WorkerLine(createWorker);
  } catch (error) {
    return error as Error;
  }
  try {
    return await WorkerLanguageModel.load(line, addresses, options);
  } catch (error) {
    if (error instanceof BundleError && error.code === 'worker-failed') return error;
    throw error;
  }
}

/**
 * Runs the model in the page's own thread if the page may not start a worker, as in a sandboxed frame or with trusted
 * types.
 */
async function loadHere(addresses: Addresses, options: LoadingOptions, { message }: Error): Promise<LanguageModel> {
  const { serveHere } = await import('../worker/serve-here.js');
  const fallbackReason = `the page may not start a worker, so that its own thread runs the model (${message})`;
  return WorkerLanguageModel.load(new WorkerLine(serveHere), addresses, options, fallbackReason);
}
