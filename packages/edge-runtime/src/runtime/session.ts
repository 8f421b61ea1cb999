/** Creates sessions of graphs in any build of ONNX Runtime. */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { BundleError } from '../errors.js';
import { isRuntimeFailure, wasmUnavailable } from './wasm-unavailable.js';

/**
 * The members of `onnxruntime-common` that the runtime uses; `onnxruntime-web` and `onnxruntime-node` both have them.
 */
export interface OnnxRuntime {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

/** A session whose runs wait for each other. */
export type Session = Pick<InferenceSession, 'inputNames' | 'outputNames' | 'inputMetadata' | 'outputMetadata'> & {
  run(feeds: InferenceSession.FeedsType): Promise<InferenceSession.ReturnType>;
  release(): Promise<void>;
};

/** Work that is done one after the other. */
class Queue {
  #last: Promise<unknown> = Promise.resolve();

  /** Does work after all that was asked for before. */
  do<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}

/** The queues of WebAssembly builds of ONNX Runtime. */
const queues = new WeakMap<OnnxRuntime, Queue>();

/**
 * Returns the queue for a session's work. A WebAssembly build has one stack for all sessions. Node's native build runs
 * sessions beside each other.
 */
function queueOf(ort: OnnxRuntime): Queue {
  if ('listSupportedBackends' in ort) return new Queue();
  const queue = queues.get(ort) ?? new Queue();
  queues.set(ort, queue);
  return queue;
}

/**
 * Creates a session.
 * @param file the model's origin, for errors
 * @param executionProvider where the session runs; if undefined, ONNX Runtime chooses
 * @throws BundleError `model-invalid` if ONNX Runtime refuses the model, `wasm-unavailable` if it cannot start
 */
export async function createSession(
  model: Uint8Array,
  ort: OnnxRuntime,
  file: string,
  executionProvider?: 'wasm' | 'webgpu',
): Promise<Session> {
  try {
    // One token at a time is too little work to share between threads, and one thread needs no cross-origin isolation.
    const options: InferenceSession.SessionOptions = {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      // Products of uint8 and int8 saturate on x86 processors without VNNI. `unroll export` writes none; older bundles
      // and models of other tools have them. There, this option stores their weights as uint8; elsewhere it does
      // nothing.
      extra: { session: { x64quantprecision: '1' } },
      ...(executionProvider && { executionProviders: [executionProvider] }),
    };
    const queue = queueOf(ort);
    const session = await queue.do(() => ort.InferenceSession.create(model, options));
    const { inputNames, outputNames, inputMetadata, outputMetadata } = session;
    return {
      ...{ inputNames, outputNames, inputMetadata, outputMetadata },
      run: (feeds) => queue.do(() => session.run(feeds)),
      release: () => queue.do(() => session.release()),
    };
  } catch (cause) {
    if (isRuntimeFailure(cause)) throw wasmUnavailable('ONNX Runtime', cause);
    const message = `${file}: ONNX Runtime refuses it (${(cause as Error).message}); export it again`;
    throw new BundleError('model-invalid', message, { cause });
  }
}
