/** The interface of a loaded language model, whether it runs in a worker of the page or in this thread. */
import type { Manifest } from '../bundle/manifest.js';
import type { DeviceUse } from '../loading/device.js';
import type { StorageUse } from '../loading/storage-use.js';
import type { ContributeOptions, Contribution } from '../personalization/contribution.js';
import type { PersonalizationResult, PersonalizationStatus, PersonalizeOptions } from '../personalization/options.js';
import type { Cancellable } from './cancellable.js';
import type { GeneratedToken, GenerateOptions } from './generate.js';
import type { Score } from './score.js';
import type { SuggestOptions } from './suggest.js';
import type { FromState, TextState } from './text-state.js';

/** Message of the error for using a model after `dispose`. */
export const disposed = 'the language model was disposed of; load it again';

/**
 * A model that is ready. Without a `state`, a text is read as the beginning of a line. After `dispose`, every method
 * rejects.
 */
export interface LanguageModel extends AsyncDisposable {
  /** The manifest of the bundle. */
  readonly manifest: Manifest;
  /** The device that the model runs on, and why it is not the requested one. */
  readonly device: DeviceUse;
  /**
   * Reports what the browser does not store of the model and why, and whether the stored bundle replaces the server's.
   */
  readonly storage: StorageUse;

  /**
   * Streams the text that the model writes after `prompt`. At temperature 0 it takes the likeliest token each time;
   * otherwise the same seed gives the same text. Leaving the loop cancels.
   * @throws TypeError for an argument of the wrong kind; RangeError for an option out of range; BundleError
   * `state-foreign`; the signal's reason if it aborts
   */
  generate(prompt: string, options?: GenerateOptions & FromState): AsyncGenerator<GeneratedToken, void, undefined>;

  /**
   * Computes the probability of `text`, token by token. Adds no end of line.
   * @throws TypeError for an argument of the wrong kind; BundleError `state-foreign`; the signal's reason if it aborts
   */
  score(text: string, options?: FromState & Cancellable): Promise<Score>;

  /**
   * Suggests the likeliest next words after `text`, or completions of its last word if it does not end in white space.
   * It can be called at each key: it reads only new words, and if tokens are words, a key within a word needs no model
   * run.
   * @throws TypeError for an argument of the wrong kind; RangeError for a count that is not a whole number; BundleError
   * `state-foreign`; the signal's reason if it aborts
   */
  suggest(text: string, options?: SuggestOptions & FromState & Cancellable): Promise<string[]>;

  /**
   * Returns `text` with one of its suggestions accepted: it replaces the word at the end, followed by a space if the
   * writing has spaces between words. Without a suggestion, as when `suggest` finds none, returns `text` unchanged.
   * @throws TypeError for an argument of the wrong kind
   * @example
   * model.accept('the riv', 'river') // 'the river '
   * model.accept('春风', '又绿') // '春风又绿', where tokens are characters
   */
  accept(text: string, suggestion: string | undefined): string;

  /**
   * Reads `text` and returns the resulting state, whose size does not depend on the text's length. Pass it as the
   * `state` of other calls to save, fork or continue the text.
   * @throws TypeError for an argument of the wrong kind; BundleError `state-foreign`; the signal's reason if it aborts
   */
  read(text: string, options?: FromState & Cancellable): Promise<TextState>;

  /** Whether the model is as in the bundle, or personalized, now or by an earlier session of this browser. */
  readonly personalization: PersonalizationStatus;
  /**
   * Trains the model on `texts`, on this device, and uses the result from then on, also in the next sessions of this
   * browser. The texts are sent nowhere; only parameters are stored. Training again by the same method continues from
   * the result. The bundle must have been exported with `--personalization`.
   * @throws TypeError for an argument of the wrong kind; RangeError for too little text or an option out of range;
   * BundleError `not-personalizable`; the signal's reason if it aborts. The model is then unchanged
   */
  personalize(texts: readonly string[], options?: PersonalizeOptions): Promise<PersonalizationResult>;
  /**
   * Restores the bundle's model, bit for bit, and deletes what the browser stored.
   * @throws BundleError `storage-failed` if the browser did not delete it; the model is restored nevertheless
   */
  undoPersonalization(): Promise<void>;
  /**
   * Contributes what was learned to the shared model, through the gateway at this address (`unroll gateway`): sends one
   * update of the parameters, clipped and noised on this device. This happens only when it is called.
   * @throws TypeError or RangeError for an argument of the wrong kind; Error if the model is not personalized;
   * BundleError `gateway-refused` or `unreachable`; the signal's reason if it aborts
   */
  contribute(gateway: string | URL, options?: ContributeOptions): Promise<Contribution>;
  /** Frees the model's memory, and its worker. */
  dispose(): Promise<void>;
}
