/**
 * Computes the text that tokens add to the text before them. Tokenizers join a token to the preceding ones, so both are
 * needed.
 */
import type { Tokenizer } from '@unroll/core/text';

/** Number of tokens before a continuation that lets any tokenizer join it correctly. */
export const joiningTokens = 8;

/** An unfinished character: byte-level tokens may end inside one. */
const unfinished = /\uFFFD+$/;

/** Turns a stream of token ids into a stream of text. */
export class Continuation {
  readonly #tokenizer: Pick<Tokenizer, 'decode'>;
  readonly #context: readonly number[];
  readonly #start: number;
  readonly #ids: number[] = [];
  #text = '';

  /** @param context the ids before the continuation */
  constructor(tokenizer: Pick<Tokenizer, 'decode'>, context: readonly number[]) {
    this.#tokenizer = tokenizer;
    this.#context = context.slice(-joiningTokens);
    this.#start = tokenizer.decode(this.#context).length;
  }

  /** The text of all ids so far, except a last character that still lacks bytes. */
  get text(): string {
    return this.#text;
  }

  /** Adds a token. Returns the text that it adds, which is empty while a character lacks bytes. */
  add(id: number): string {
    this.#ids.push(id);
    const text = this.#tokenizer
      .decode([...this.#context, ...this.#ids])
      .slice(this.#start)
      .replace(unfinished, '');
    const added = text.slice(this.#text.length);
    this.#text = text;
    return added;
  }
}
