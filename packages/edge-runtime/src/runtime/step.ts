/** One step of the model in ONNX Runtime: takes a token and a state, returns logits and the next state. */
import { elementCount } from '@unroll/core/config';
import type { Tensor } from 'onnxruntime-common';
import type { Manifest } from '../bundle/manifest.js';
import { createSession, type OnnxRuntime, type Session } from './session.js';

/** The recurrent state after some tokens: values by input name. It is never changed in place, so it can be kept. */
export type RecurrentState = Readonly<Record<string, Float32Array>>;

/** The decoding step of a model, independent of what computes it. This file implements it for a bundle's graph. */
export interface StepModel<State = RecurrentState> {
  /** The state before any token, all zeros. */
  readonly initialState: State;
  /** Reads `token`. Returns logits [vocab] for the next token, and the state after `token`. */
  step(state: State, token: number): Promise<{ logits: Float32Array; state: State }>;
  /**
   * Reads many tokens in one run, for models that can. Returns logits [tokens·vocab] for the token after each of
   * `tokens`, and the state after the last.
   */
  readonly read?: (state: State, tokens: readonly number[]) => Promise<{ logits: Float32Array; state: State }>;
  dispose(): Promise<void>;
}

/**
 * Loads the step of a bundle's graph.
 * @param executionProvider where the session runs; if undefined, ONNX Runtime chooses
 * @throws BundleError `model-invalid` if ONNX Runtime refuses the model
 */
export async function loadStepModel(
  model: Uint8Array,
  manifest: Pick<Manifest, 'state'>,
  ort: OnnxRuntime,
  executionProvider?: 'wasm' | 'webgpu',
): Promise<StepModel> {
  const session = await createSession(model, ort, 'model.onnx', executionProvider);
  const read = async (state: RecurrentState, tokens: readonly number[]) => {
    const feeds: Record<string, Tensor> = { ids: new ort.Tensor('int32', Int32Array.from(tokens), [tokens.length]) };
    for (const { input, shape } of manifest.state) feeds[input] = new ort.Tensor('float32', state[input]!, shape);
    const outputs = await session.run(feeds);
    const next = manifest.state.map(({ input, output }) => [input, outputs[output]!.data as Float32Array] as const);
    return { logits: outputs.logits!.data as Float32Array, state: Object.fromEntries(next) };
  };
  return {
    initialState: initialStateOf(manifest),
    step: (state, token) => read(state, [token]),
    ...(takesManyTokens(session) && { read }),
    dispose: () => session.release(),
  };
}

/** Whether the graph's dimension of tokens is symbolic. */
function takesManyTokens({ inputMetadata }: Session): boolean {
  const ids = inputMetadata.find(({ name }) => name === 'ids');
  return ids?.isTensor === true && typeof ids.shape[0] === 'string';
}

/** The state before any token, all zeros. */
export function initialStateOf({ state }: Pick<Manifest, 'state'>): RecurrentState {
  return Object.fromEntries(state.map(({ input, shape }) => [input, new Float32Array(elementCount(shape))]));
}
