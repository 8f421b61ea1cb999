/**
 * What a model remembers of a text it has read, as a plain value of constant size. Keeping it saves it, using it twice
 * forks it, passing it back restores it; IndexedDB stores it as it is.
 */
import { BundleError } from '../errors.js';
import { joiningTokens } from './continuation.js';
import type { BundleStepModel, RecurrentState } from './step.js';

export interface TextState {
  /** The SHA-256 of the model.onnx that it is for. */
  readonly model: string;
  /** The text's last tokens, enough to know how the next one is joined to them. The very last is still to be read. */
  readonly ids: readonly number[];
  /** The recurrent state before the last token: the tensors of `manifest.state`, one after the other, flat. */
  readonly values: Float32Array;
}

/** Where reading goes on: a recurrent state and the tokens before, whose last is still to be read. */
export interface Start<State = RecurrentState> {
  readonly state: State;
  readonly ids: readonly number[];
}

/** An option of what reads text: to go on after a text that was read before. */
export interface FromState {
  /** What `read` gave; by default the text is read as the beginning of a line. */
  readonly state?: TextState | undefined;
}

/** What the model remembers after `ids`, which follow `start`. */
export async function readIds(
  model: BundleStepModel,
  sha256: string,
  start: Start,
  ids: readonly number[],
  signal: AbortSignal | undefined,
): Promise<TextState> {
  const all = [...start.ids, ...ids];
  let state = start.state;
  for (const id of all.slice(start.ids.length - 1, -1)) {
    signal?.throwIfAborted();
    ({ state } = await model.step(state, id));
  }
  return { model: sha256, ids: all.slice(-joiningTokens), values: model.flatten(state) };
}

/** @throws BundleError `state-foreign` for a state of another model. */
export function startFrom(model: BundleStepModel, sha256: string, saved: TextState): Start {
  if (saved.model !== sha256) {
    const message = 'the state belongs to another model.onnx; read the text again with this bundle';
    throw new BundleError('state-foreign', message);
  }
  return { state: model.unflatten(saved.values), ids: saved.ids };
}
