/**
 * Suggests next words for a text that is being typed. If tokens are words, the model reads up to the last complete
 * word. Each further key only narrows the vocabulary and needs no model run. Smaller tokens are spelled out to words.
 */
import type { Tokenizer } from '@unroll/core/text';
import { begunWord } from './begun-word.js';
import type { Cancellable } from './cancellable.js';
import { ContextReader, type Reading } from './context.js';
import { Ranking } from './ranking.js';
import { Speller } from './spelling.js';
import type { StepModel } from './step.js';
import { beginning, type Start, unreadIds } from './text-state.js';
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

interface Context {
  readonly start: Start;
  readonly reader: ContextReader;
  /** The text that was read last. */
  last: { readonly text: string; readonly reading: Promise<Reading> } | undefined;
}

interface Request extends Cancellable {
  readonly typed: string;
  readonly count: number;
}

/** Suggests words for one text at a time, as it is typed. */
export class Suggester {
  readonly #tokenizer: Tokenizer;
  readonly #model: StepModel;
  #index: WordIndex | undefined;
  #speller: Speller | undefined;
  /** The beginning of a line. */
  readonly #beginning: Start;
  /** Reads texts from the start of the latest call. */
  #context: Context;

  constructor(model: StepModel, tokenizer: Tokenizer) {
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#beginning = beginning(model, tokenizer);
    this.#context = contextOf(model, this.#beginning);
  }

  /**
   * Suggests whole words, likeliest first.
   * @param start the place that `text` follows; default the beginning of a line
   * @throws the signal's reason if it aborts
   */
  async suggest(text: string, options: SuggestOptions & Cancellable, start = this.#beginning): Promise<string[]> {
    const { count = 3, prefix, signal } = options;
    signal?.throwIfAborted();
    if (count === 0) return [];
    const typed = prefix ?? begunWord(text, this.#tokenizer.kind);
    const before = prefix === undefined ? text.slice(0, text.length - typed.length) : text;
    // Without a start token, a model knows nothing about the first word.
    if (start.ids.length === 0 && before === '') return [];
    if (!isSame(this.#context.start, start)) this.#context = contextOf(this.#model, start);
    const request = { typed, count, signal };
    return this.#tokenizer.kind === 'word' ? this.#choose(before, request) : this.#spell(before, request);
  }

  async #choose(before: string, { typed, count, signal }: Request): Promise<string[]> {
    const { logits } = await this.#read(before, signal);
    this.#index ??= new WordIndex(this.#tokenizer);
    const words = new Ranking<number>(count);
    for (const id of this.#index.startingWith(typed)) words.add(id, logits[id]!);
    return words.values.map((id) => this.#tokenizer.token(id));
  }

  async #spell(before: string, { typed, count, signal }: Request): Promise<string[]> {
    this.#speller ??= new Speller(this.#model, this.#tokenizer);
    // A byte-pair token includes the space before its word, so that space is spelled with the word. Character tokens do
    // not.
    const space = this.#tokenizer.kind === 'bpe' && before.endsWith(' ') ? ' ' : '';
    const reading = await this.#read(before.slice(0, before.length - space.length), signal);
    const words = await this.#speller.complete(reading, space + typed, count, signal);
    return words.map((word) => word.trimStart());
  }

  /** Reads the last token of the start and `text`. */
  async #read(text: string, signal: AbortSignal | undefined): Promise<Reading> {
    const context = this.#context;
    if (context.last?.text !== text) {
      const reading = context.reader.read(unreadIds(context.start, this.#tokenizer.encode(text)), signal);
      const last = { text, reading };
      // Work that its caller may abort is not shared with others before it is done.
      if (signal) await reading;
      context.last = last;
      reading.catch(() => {
        if (context.last === last) context.last = undefined;
      });
    }
    const reading = await context.last.reading;
    signal?.throwIfAborted();
    return reading;
  }
}

function contextOf(model: StepModel, start: Start): Context {
  return { start, reader: new ContextReader(model, start.state), last: undefined };
}

function isSame(a: Start, b: Start): boolean {
  const isEqual = (some: ArrayLike<number>, others: ArrayLike<number>) =>
    some === others || (some.length === others.length && Array.from(some).every((value, k) => value === others[k]));
  return (
    isEqual(a.ids, b.ids) && Object.entries(a.state).every(([name, values]) => isEqual(values, b.state[name] ?? []))
  );
}
