/** A language model in this thread. In a page, a worker has one; in Node, loading returns it. */
import type { Tokenizer } from '@unroll/core/text';
import type { Manifest } from '../bundle/manifest.js';
import type { DeviceUse } from '../loading/device.js';
import type { StorageUse } from '../loading/storage-use.js';
import type { ContributeOptions, Contribution } from '../personalization/contribution.js';
import type { PersonalizationResult, PersonalizationStatus, PersonalizeOptions } from '../personalization/options.js';
import type { Personalizer } from '../personalization/personalizer.js';
import { textWith } from './begun-word.js';
import { breathing } from './breathing.js';
import type { Cancellable } from './cancellable.js';
import {
  checkAccepting,
  checkContributing,
  checkGenerating,
  checkPersonalizing,
  checkReading,
  checkSuggesting,
} from './checked-arguments.js';
import { type GeneratedToken, type GenerateOptions, generate } from './generate.js';
import { disposed, type LanguageModel } from './language-model.js';
import { type IdScore, logProbabilities, type Score, scoreIds, scoreOf } from './score.js';
import type { StepModel } from './step.js';
import { Suggester, type SuggestOptions } from './suggest.js';
import { beginning, type FromState, readIds, type Start, startFrom, type TextState } from './text-state.js';

interface Loaded {
  readonly model: StepModel;
  readonly suggester: Suggester;
  /** Whether this is the bundle's own step, not a personalized one. */
  readonly isBase: boolean;
}

/** Created by `loadLocalLanguageModel`. Besides texts, it takes and returns token ids. */
export class LocalLanguageModel implements LanguageModel {
  readonly #base: StepModel;
  readonly #personalizer: Personalizer;
  readonly #bundleStorage: StorageUse;
  #loaded: Loaded | undefined;

  /** @param personalized the step to use instead of `base`, the bundle's step, if the model was personalized before */
  constructor(
    base: StepModel,
    readonly tokenizer: Tokenizer,
    readonly manifest: Manifest,
    readonly device: DeviceUse,
    bundleStorage: StorageUse,
    personalizer: Personalizer,
    personalized: StepModel | undefined,
  ) {
    this.#base = base;
    this.#personalizer = personalizer;
    this.#bundleStorage = bundleStorage;
    this.#loaded = this.#using(personalized ?? base);
  }

  get storage(): StorageUse {
    const learningNotKept = this.#personalizer.storageProblem;
    return { ...this.#bundleStorage, ...(learningNotKept !== undefined && { learningNotKept }) };
  }

  get personalization(): PersonalizationStatus {
    return this.#personalizer.status;
  }

  async *generate(
    prompt: string,
    options: GenerateOptions & FromState = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    checkGenerating(prompt, options);
    const { state, ...rest } = options;
    yield* generate(this.#live.model, this.tokenizer, prompt, rest, this.#start(state));
  }

  async score(text: string, options: FromState & Cancellable = {}): Promise<Score> {
    checkReading(text, options);
    const { state, signal } = options;
    const ids = this.tokenizer.encode(text);
    const start = this.#start(state);
    const score = await scoreIds(this.#live.model, start.ids.at(-1), ids, { state: start.state, signal });
    const unscored = start.ids.length === 0 ? 1 : 0;
    const tokens = ids.slice(unscored).map((id) => this.tokenizer.token(id));
    return { tokens, spans: this.tokenizer.spans(text).slice(unscored), ...scoreOf(score.tokenLogProbabilities) };
  }

  /**
   * Like `score`, for token ids.
   * @throws RangeError for an id that is not in the vocabulary
   */
  async scoreIds(ids: readonly number[]): Promise<IdScore> {
    this.#checkIds(ids);
    return scoreIds(this.#live.model, this.tokenizer.startId, ids);
  }

  /** Yields the log-probabilities of the ids of a long text, each as soon as it is computed; ids as for `scoreIds`. */
  logProbabilities(ids: Iterable<number>): AsyncGenerator<number, void, undefined> {
    return logProbabilities(this.#live.model, this.tokenizer.startId, ids);
  }

  async suggest(text: string, options: SuggestOptions & FromState & Cancellable = {}): Promise<string[]> {
    checkSuggesting(text, options);
    return this.#live.suggester.suggest(text, options, this.#start(options.state));
  }

  accept(text: string, suggestion: string | undefined): string {
    checkAccepting(text, suggestion);
    return textWith(text, suggestion, this.tokenizer.kind);
  }

  async read(text: string, options: FromState & Cancellable = {}): Promise<TextState> {
    checkReading(text, options);
    const { state, signal } = options;
    return readIds(this.#live.model, this.manifest, this.#start(state), this.tokenizer.encode(text), signal);
  }

  async personalize(texts: readonly string[], options: PersonalizeOptions = {}): Promise<PersonalizationResult> {
    checkPersonalizing(texts, options);
    const previous = this.#live;
    const { step, result } = await this.#personalizer.personalize(texts, options);
    if (!this.#loaded) {
      await step.dispose();
      throw new Error(disposed);
    }
    await this.#replace(previous, step);
    return result;
  }

  async undoPersonalization(): Promise<void> {
    const previous = this.#live;
    try {
      await this.#personalizer.undo();
    } finally {
      await this.#replace(previous, this.#base);
    }
  }

  async contribute(gateway: string | URL, options: ContributeOptions = {}): Promise<Contribution> {
    const address = checkContributing(gateway, options);
    if (!this.#loaded) throw new Error(disposed);
    return this.#personalizer.contribute(address, options);
  }

  async dispose(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    if (!loaded) return;
    await this.#base.dispose();
    if (!loaded.isBase) await loaded.model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #checkIds(ids: readonly number[]): void {
    const { vocabSize } = this.tokenizer;
    const foreign = ids.find((id) => !(Number.isSafeInteger(id) && id >= 0 && id < vocabSize));
    if (foreign !== undefined) throw new RangeError(`id ${foreign}: the model's ids run from 0 to ${vocabSize - 1}`);
  }

  get #live() {
    if (!this.#loaded) throw new Error(disposed);
    return this.#loaded;
  }

  #using(step: StepModel): Loaded {
    const model = breathing(step);
    return { model, suggester: new Suggester(model, this.tokenizer), isBase: step === this.#base };
  }

  /** Switches to another step. Running calls finish on the model with which they began. */
  async #replace(previous: Loaded, step: StepModel): Promise<void> {
    this.#loaded = this.#using(step);
    if (!previous.isBase) await previous.model.dispose();
  }

  #start(saved: TextState | undefined): Start {
    return saved ? startFrom(this.manifest, saved) : beginning(this.#live.model, this.tokenizer);
  }
}
