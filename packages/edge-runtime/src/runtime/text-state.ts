/**
 * A model's state after reading a text, as a plain value of constant size. Keeping it saves the text, using it twice
 * forks it, passing it back restores it. IndexedDB can store it directly.
 */
import { elementCount } from '@unroll/core/config';
import { type Manifest, modelFile } from '../bundle/manifest.js';
import { BundleError } from '../errors.js';
import { joiningTokens } from './continuation.js';
import { stateAfter } from './reading.js';
import type { RecurrentState, StepModel } from './step.js';

export interface TextState {
  /** The SHA-256 of the model.onnx that it belongs to. */
  readonly model: string;
  /** The text's last tokens, enough to join the next one to them. The very last one has not been read yet. */
  readonly ids: readonly number[];
  /** The recurrent state before the last token: the tensors of `manifest.state`, flattened and concatenated. */
  readonly values: Float32Array;
}

/**
 * The place where reading continues: a recurrent state and the preceding tokens, the last of which has not been read
 * yet.
 */
export interface Start<State = RecurrentState> {
  readonly state: State;
  readonly ids: readonly number[];
}

/** The option of all operations that read text: continues after a text that was read before. */
export interface FromState {
  /** The result of `read`; by default the text is read as the beginning of a line. */
  readonly state?: TextState | undefined;
}

/** Reads `ids`, which follow `start`, and returns the state after them. */
export async function readIds(
  model: StepModel,
  manifest: Manifest,
  start: Start,
  ids: readonly number[],
  signal: AbortSignal | undefined,
): Promise<TextState> {
  const all = [...start.ids, ...ids];
  const state = await stateAfter(model, start.state, all.slice(start.ids.length - 1, -1), signal);
  const values = Float32Array.from(manifest.state.flatMap(({ input }) => [...state[input]!]));
  return { model: sha256Of(manifest), ids: all.slice(-joiningTokens), values };
}

/**
 * Restores the place where reading continues.
 * @throws BundleError `state-foreign` for a state of another model, or a damaged one
 */
export function startFrom(manifest: Manifest, saved: TextState): Start {
  if (saved.model !== sha256Of(manifest)) {
    const message = 'the state belongs to another model.onnx; read the text again with this bundle';
    throw new BundleError('state-foreign', message);
  }
  const size = manifest.state.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (saved.values.length !== size || saved.ids.length === 0) {
    throw new BundleError('state-foreign', 'the state is damaged; read the text again, and keep it as `read` gives it');
  }
  let offset = 0;
  const state = Object.fromEntries(
    manifest.state.map(({ input, shape }) => {
      offset += elementCount(shape);
      return [input, saved.values.slice(offset - elementCount(shape), offset)];
    }),
  );
  return { state, ids: saved.ids };
}

function sha256Of(manifest: Manifest): string {
  return manifest.files[modelFile].sha256;
}
