/**
 * A model's state after reading a text, as a plain value of constant size. Keeping it saves the text, using it twice
 * forks it, passing it back restores it. IndexedDB can store it directly.
 */
import { elementCount } from '@unroll/core/config';
import type { Tokenizer } from '@unroll/core/text';
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
  /** Empty at the beginning of a text for a model without a start token. */
  readonly ids: readonly number[];
}

/** The beginning of a text. */
export function beginning<State>(
  { initialState }: Pick<StepModel<State>, 'initialState'>,
  { startId }: Pick<Tokenizer, 'startId'>,
): Start<State> {
  return { state: initialState, ids: startId === undefined ? [] : [startId] };
}

/**
 * Returns the tokens to read from a place on: its last one, which has not been read, and those that follow.
 * @throws RangeError if there are none
 */
export function unreadIds({ ids }: Start<unknown>, following: readonly number[]): number[] {
  const unread = [...ids.slice(-1), ...following];
  if (unread.length > 0) return unread;
  throw new RangeError('the text is empty, and this model has no start token; give at least its first character');
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
  const state = await stateAfter(model, start.state, unreadIds(start, ids).slice(0, -1), signal);
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
