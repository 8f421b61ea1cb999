/** A language model in this thread. In a page, a worker has one of these; in Node, it is what loading gives. */
import type { Tokenizer } from '@unroll/core/text';
import type { Manifest } from '../bundle/manifest.js';
import type { DeviceUse } from '../loading/device.js';
import { breathing } from './breathing.js';
import { type GeneratedToken, type GenerateOptions, generate } from './generate.js';
import type { Cancellable, LanguageModel } from './language-model.js';
import { type IdScore, logProbabilities, type Score, scoreIds } from './score.js';
import type { StepModel } from './step.js';
import { Suggester, type SuggestOptions } from './suggest.js';
import { type FromState, readIds, type Start, startFrom, type TextState } from './text-state.js';

/** Made by `loadLocalLanguageModel`. Beside texts, it takes and gives token ids. */
export class LocalLanguageModel implements LanguageModel {
  readonly #model: StepModel;
  readonly #suggester: Suggester;

  constructor(
    model: StepModel,
    readonly tokenizer: Tokenizer,
    readonly manifest: Manifest,
    readonly device: DeviceUse,
  ) {
    this.#model = breathing(model);
    this.#suggester = new Suggester(this.#model, tokenizer);
  }

  async *generate(
    prompt: string,
    { state, ...options }: GenerateOptions & FromState = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    yield* generate(this.#model, this.tokenizer, prompt, options, this.#start(state));
  }

  async score(text: string, { state, signal }: FromState & Cancellable = {}): Promise<Score> {
    const ids = this.tokenizer.encode(text);
    const start = this.#start(state);
    const score = await scoreIds(this.#model, start.ids.at(-1)!, ids, { state: start.state, signal });
    const surprises = score.tokenLogProbabilities.map((logProbability) => -logProbability / Math.LN2);
    return { tokens: ids.map((id) => this.tokenizer.token(id)), surprises, ...score };
  }

  /**
   * As `score`, of token ids.
   * @throws RangeError for an id that is not in the vocabulary.
   */
  scoreIds(ids: readonly number[]): Promise<IdScore> {
    return scoreIds(this.#model, this.tokenizer.eosId, ids);
  }

  /** The log-probabilities of the ids of a long text, each as soon as it is computed; ids as for `scoreIds`. */
  logProbabilities(ids: Iterable<number>): AsyncGenerator<number, void, undefined> {
    return logProbabilities(this.#model, this.tokenizer.eosId, ids);
  }

  suggest(text: string, options: SuggestOptions = {}): Promise<string[]> {
    return this.#suggester.suggest(text, options);
  }

  async read(text: string, { state, signal }: FromState & Cancellable = {}): Promise<TextState> {
    return readIds(this.#model, this.manifest, this.#start(state), this.tokenizer.encode(text), signal);
  }

  dispose(): Promise<void> {
    return this.#model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #start(saved: TextState | undefined): Start {
    return saved ? startFrom(this.manifest, saved) : { state: this.#model.initialState, ids: [this.tokenizer.eosId] };
  }
}
