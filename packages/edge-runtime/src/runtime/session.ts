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
): Promise<InferenceSession> {
  try {
    // One token at a time is too little work to share between threads, and one thread needs no cross-origin isolation.
    return await ort.InferenceSession.create(model, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      // Products of uint8 and int8 saturate on x86 processors without VNNI. `unroll export` writes none; older bundles
      // and models of other tools have them. There, this option stores their weights as uint8; elsewhere it does
      // nothing.
      extra: { session: { x64quantprecision: '1' } },
      ...(executionProvider && { executionProviders: [executionProvider] }),
    });
  } catch (cause) {
    if (isRuntimeFailure(cause)) throw wasmUnavailable('ONNX Runtime', cause);
    const message = `${file}: ONNX Runtime refuses it (${(cause as Error).message}); export it again`;
    throw new BundleError('model-invalid', message, { cause });
  }
}
