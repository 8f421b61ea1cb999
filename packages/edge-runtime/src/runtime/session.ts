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

/** For each module of ONNX Runtime, what it does last. */
const lastWork = new WeakMap<OnnxRuntime, Promise<unknown>>();

/**
 * Does work of ONNX Runtime after all that was asked for before. Its WebAssembly build has one stack for all sessions,
 * and with WebGPU a session refuses a second run at the same time.
 */
function inTurn<Result>(ort: OnnxRuntime, work: () => Promise<Result>): Promise<Result> {
  const result = (lastWork.get(ort) ?? Promise.resolve()).then(work);
  lastWork.set(
    ort,
    result.catch(() => {}),
  );
  return result;
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
    const session = await inTurn(ort, () => ort.InferenceSession.create(model, options));
    const { inputNames, outputNames, inputMetadata, outputMetadata } = session;
    return {
      ...{ inputNames, outputNames, inputMetadata, outputMetadata },
      run: (feeds) => inTurn(ort, () => session.run(feeds)),
      release: () => inTurn(ort, () => session.release()),
    };
  } catch (cause) {
    if (isRuntimeFailure(cause)) throw wasmUnavailable('ONNX Runtime', cause);
    const message = `${file}: ONNX Runtime refuses it (${(cause as Error).message}); export it again`;
    throw new BundleError('model-invalid', message, { cause });
  }
}
