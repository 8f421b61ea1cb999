/** A language model in this thread. In a page, a worker has one of these; in Node, it is what loading gives. */
import type { Tokenizer } from '@unroll/core/text';
import type { Manifest } from '../bundle/manifest.js';
import type { DeviceUse } from '../loading/device.js';
import { breathing } from './breathing.js';
import { type GeneratedToken, type GenerateOptions, generate } from './generate.js';
import { type Cancellable, disposed, type LanguageModel } from './language-model.js';
import { type IdScore, logProbabilities, type Score, scoreIds } from './score.js';
import type { StepModel } from './step.js';
import { Suggester, type SuggestOptions } from './suggest.js';
import { type FromState, readIds, type Start, startFrom, type TextState } from './text-state.js';
import { tokenSpans } from './token-spans.js';

/** Made by `loadLocalLanguageModel`. Beside texts, it takes and gives token ids. */
export class LocalLanguageModel implements LanguageModel {
  #loaded: { readonly model: StepModel; readonly suggester: Suggester } | undefined;

  constructor(
    model: StepModel,
    readonly tokenizer: Tokenizer,
    readonly manifest: Manifest,
    readonly device: DeviceUse,
  ) {
    const breather = breathing(model);
    this.#loaded = { model: breather, suggester: new Suggester(breather, tokenizer) };
  }

  async *generate(
    prompt: string,
    { state, ...options }: GenerateOptions & FromState = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    yield* generate(this.#live.model, this.tokenizer, prompt, options, this.#start(state));
  }

  async score(text: string, { state, signal }: FromState & Cancellable = {}): Promise<Score> {
    const ids = this.tokenizer.encode(text);
    const start = this.#start(state);
    const score = await scoreIds(this.#live.model, start.ids.at(-1)!, ids, { state: start.state, signal });
    const surprises = score.tokenLogProbabilities.map((logProbability) => -logProbability / Math.LN2);
    const tokens = ids.map((id) => this.tokenizer.token(id));
    return { tokens, spans: tokenSpans(this.tokenizer, text, ids), surprises, ...score };
  }

  /**
   * As `score`, of token ids.
   * @throws RangeError for an id that is not in the vocabulary.
   */
  async scoreIds(ids: readonly number[]): Promise<IdScore> {
    return scoreIds(this.#live.model, this.tokenizer.eosId, ids);
  }

  /** The log-probabilities of the ids of a long text, each as soon as it is computed; ids as for `scoreIds`. */
  logProbabilities(ids: Iterable<number>): AsyncGenerator<number, void, undefined> {
    return logProbabilities(this.#live.model, this.tokenizer.eosId, ids);
  }

  async suggest(text: string, options: SuggestOptions = {}): Promise<string[]> {
    return this.#live.suggester.suggest(text, options);
  }

  async read(text: string, { state, signal }: FromState & Cancellable = {}): Promise<TextState> {
    return readIds(this.#live.model, this.manifest, this.#start(state), this.tokenizer.encode(text), signal);
  }

  async dispose(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  get #live() {
    if (!this.#loaded) throw new Error(disposed);
    return this.#loaded;
  }

  #start(saved: TextState | undefined): Start {
    return saved
      ? startFrom(this.manifest, saved)
      : { state: this.#live.model.initialState, ids: [this.tokenizer.eosId] };
  }
}
