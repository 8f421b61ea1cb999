/**
 * What a model remembers of a text it has read, as a plain value of constant size. Keeping it saves it, using it twice
 * forks it, passing it back restores it; IndexedDB stores it as it is.
 */
import { type Manifest, modelFile } from '../bundle/manifest.js';
import { BundleError } from '../errors.js';
import { joiningTokens } from './continuation.js';
import { stateAfter } from './reading.js';
import { elementCount, type RecurrentState, type StepModel } from './step.js';

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

/** @throws BundleError `state-foreign` for a state of another model. */
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
