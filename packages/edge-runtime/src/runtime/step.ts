/** One step of the model in ONNX Runtime: a token and a state in, logits and the next state out. */
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import type { Manifest } from '../bundle/manifest.js';
import { BundleError } from '../errors.js';

/** The part of `onnxruntime-common` that the runtime uses; `onnxruntime-web` and `onnxruntime-node` both have it. */
export interface OnnxRuntime {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

/** The recurrent state after some tokens: tensors by input name. Never changed in place, so it can be kept. */
export type RecurrentState = Readonly<Record<string, Tensor>>;

/** One decoding step of a model: of a bundle's graph here, of anything else that can compute it elsewhere. */
export interface StepModel<State = RecurrentState> {
  /** The state before any token: zeros. */
  readonly initialState: State;
  /** Logits [vocab] for the token after `token`, and the state after it. */
  step(state: State, token: number): Promise<{ logits: Float32Array; state: State }>;
  dispose(): Promise<void>;
}

/** @throws BundleError `model-invalid` if ONNX Runtime refuses the model. */
export async function loadStepModel(model: Uint8Array, manifest: Manifest, ort: OnnxRuntime): Promise<StepModel> {
  const session = await createSession(model, ort);
  const initialState = Object.fromEntries(
    manifest.state.map(({ input, shape }) => {
      const size = shape.reduce((product, dimension) => product * dimension, 1);
      return [input, new ort.Tensor('float32', new Float32Array(size), shape)];
    }),
  );
  return {
    initialState,
    async step(state, token) {
      const outputs = await session.run({ ...state, ids: new ort.Tensor('int32', Int32Array.of(token), [1]) });
      const next = manifest.state.map(({ input, output }) => [input, outputs[output]!] as const);
      return { logits: outputs.logits!.data as Float32Array, state: Object.fromEntries(next) };
    },
    dispose: () => session.release(),
  };
}

async function createSession(model: Uint8Array, ort: OnnxRuntime): Promise<InferenceSession> {
  try {
    // One token at a time is too little work to share between threads, and one thread needs no cross-origin isolation.
    return await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  } catch (cause) {
    const message = `model.onnx: ONNX Runtime refuses it (${(cause as Error).message}); export the bundle again`;
    throw new BundleError('model-invalid', message, { cause });
  }
}
