/** What a loaded language model does, wherever it runs: in a worker of the page, or in this thread. */
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

/** What using a model says after `dispose`. */
export const disposed = 'the language model was disposed of; load it again';

/**
 * A model that is ready. Unless a `state` is given, a text is read as the beginning of a line. Every method rejects once
 * the model is disposed of.
 */
export interface LanguageModel extends AsyncDisposable {
  /** What the bundle says of itself. */
  readonly manifest: Manifest;
  /** What the model runs on, and why it is not what was asked for. */
  readonly device: DeviceUse;
  /** Says what the browser does not keep of it, and why; and whether the kept bundle stands in for the server's. */
  readonly storage: StorageUse;

  /**
   * Streams what the model writes after `prompt`. At temperature 0 it is the likeliest token each time; otherwise the
   * same seed gives the same text. Leaving the loop cancels.
   * @throws TypeError for an argument of another kind; RangeError for an option out of range; BundleError
   *   `state-foreign`; the signal's reason if it aborts.
   */
  generate(prompt: string, options?: GenerateOptions & FromState): AsyncGenerator<GeneratedToken, void, undefined>;

  /**
   * How probable `text` is, token by token. No end of line is added.
   * @throws TypeError for an argument of another kind; BundleError `state-foreign`; the signal's reason if it aborts.
   */
  score(text: string, options?: FromState & Cancellable): Promise<Score>;

  /**
   * The likeliest next words after `text`, or completions of its last word if it does not end in white space. Meant to
   * be called at each key: only new words are read, and where tokens are words, a key within a word costs no model run.
   * @throws TypeError for an argument of another kind; RangeError for a count that is no whole number.
   */
  suggest(text: string, options?: SuggestOptions): Promise<string[]>;

  /**
   * `text` with one of its suggestions taken: in the place of the word that it ends with, and followed by a space where the
   * writing has one between words. Without a suggestion, as where `suggest` has none, it is `text` itself.
   * @throws TypeError for an argument of another kind
   * @example
   * model.accept('the riv', 'river') // 'the river '
   * model.accept('春风', '又绿') // '春风又绿', where tokens are characters
   */
  accept(text: string, suggestion: string | undefined): string;

  /**
   * Reads `text` and gives what the model then remembers, of constant size however long the text was, for the `state`
   * of other calls: to save, to fork, to go on.
   * @throws TypeError for an argument of another kind; BundleError `state-foreign`; the signal's reason if it aborts.
   */
  read(text: string, options?: FromState & Cancellable): Promise<TextState>;

  /** Whether the model is as the bundle has it, or personalized, now or by an earlier session of this browser. */
  readonly personalization: PersonalizationStatus;
  /**
   * Trains the model on `texts`, on this device, and uses the result from then on, in the next sessions of this browser
   * too. The texts leave this function for nowhere; what is stored is parameters. Training again by the same method goes on.
   * The bundle must have been exported with `--personalization`.
   * @throws TypeError for an argument of another kind; RangeError for too little text or an option out of range; BundleError
   *   `not-personalizable`; the signal's reason if it aborts, with the model as it was.
   */
  personalize(texts: readonly string[], options?: PersonalizeOptions): Promise<PersonalizationResult>;
  /**
   * Makes the model what the bundle has, bit for bit, and deletes what the browser stored.
   * @throws BundleError `storage-failed` if the browser did not delete it; the model is the bundle's all the same.
   */
  undoPersonalization(): Promise<void>;
  /**
   * Gives what was learned to the model of all, through the gateway at this address (`unroll gateway`): one update of the
   * parameters, clipped and noised on this device. Happens when it is called, and never else.
   * @throws TypeError or RangeError for an argument of another kind; Error if the model is not personalized; BundleError `gateway-refused` or `unreachable`; the signal's reason.
   */
  contribute(gateway: string | URL, options?: ContributeOptions): Promise<Contribution>;
  /** Frees the model's memory, and its worker. */
  dispose(): Promise<void>;
}
