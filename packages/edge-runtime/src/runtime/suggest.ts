/**
 * Suggests next words for a text that is being typed. If tokens are words, the model reads up to the last complete
 * word. Each further key only narrows the vocabulary and needs no model run. Smaller tokens are spelled out to words.
 */
import type { Tokenizer } from '@unroll/core/text';
import { begunWord } from './begun-word.js';
import { ContextReader, type Reading } from './context.js';
import { Ranking } from './ranking.js';
import { Speller } from './spelling.js';
import type { StepModel } from './step.js';
import { WordIndex } from './word-index.js';

export interface SuggestOptions {
  /** The most suggestions, a whole number; default 3. */
  readonly count?: number;
  /**
   * The typed part of the word, following `text`. By default it is the end of `text` after its last white space or
   * character of a script that is written without spaces.
   */
  readonly prefix?: string;
}

/** Suggests words for one text at a time, as it is typed. */
export class Suggester {
  readonly #tokenizer: Tokenizer;
  readonly #reader: ContextReader;
  readonly #model: StepModel;
  #index: WordIndex | undefined;
  #speller: Speller | undefined;
  #last: { readonly text: string; readonly reading: Promise<Reading> } | undefined;

  constructor(model: StepModel, tokenizer: Tokenizer) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#reader = new ContextReader(model);
  }

  /** Suggests whole words, likeliest first. */
  suggest(text: string, { count = 3, prefix }: SuggestOptions): Promise<string[]> {
    if (count === 0) return Promise.resolve([]);
    const typed = prefix ?? begunWord(text, this.#tokenizer.kind);
    const before = prefix === undefined ? text.slice(0, text.length - typed.length) : text;
    return this.#tokenizer.kind === 'word' ? this.#choose(before, typed, count) : this.#spell(before, typed, count);
  }

  async #choose(before: string, typed: string, count: number): Promise<string[]> {
    const { logits } = await this.#read(before);
    this.#index ??= new WordIndex(this.#tokenizer);
    const words = new Ranking<number>(count);
    for (const id of this.#index.startingWith(typed)) words.add(id, logits[id]!);
    return words.values.map((id) => this.#tokenizer.token(id));
  }

  async #spell(before: string, typed: string, count: number): Promise<string[]> {
    this.#speller ??= new Speller(this.#model, this.#tokenizer);
    // A byte-pair token includes the space before its word, so that space is spelled with the word. Character tokens do
    // not.
    const space = this.#tokenizer.kind === 'bpe' && before.endsWith(' ') ? ' ' : '';
    const reading = await this.#read(before.slice(0, before.length - space.length));
    const words = await this.#speller.complete(reading, space + typed, count);
    return words.map((word) => word.trimStart());
  }

  /** Reads the line end and `text`. */
  #read(text: string): Promise<Reading> {
    if (this.#last?.text !== text) {
      this.#last = { text, reading: this.#reader.read([this.#tokenizer.eosId, ...this.#tokenizer.encode(text)]) };
      this.#last.reading.catch(() => {
        this.#last = undefined;
      });
    }
    return this.#last.reading;
  }
}
