/**
 * Spells words from tokens smaller than words, by a beam search that ends where the model ends the word. It bounds the
 * number of model runs, so that suggestions keep up with typing.
 */
import { logSoftmax } from '@unroll/core/decoding';
import type { Tokenizer } from '@unroll/core/text';
import { beginsUnspaced, endsUnspaced, goesOn, isOfWord } from './begun-word.js';
import type { Reading } from './context.js';
import { Ranking } from './ranking.js';
import type { StepModel } from './step.js';

/** The most tokens of a suggested word. */
const longestWord = 16;
/** The most model runs for all suggestions together. */
const mostRuns = 32;
/**
 * In a script without spaces, the number of likeliest tokens that may continue a word, because finding its end takes
 * time.
 */
const mostContinuations = 16;

/** A token with its text. */
interface Piece {
  readonly id: number;
  readonly text: string;
  /** Whether it can continue a word. */
  readonly inWord: boolean;
  /** Whether it begins in a script without spaces. */
  readonly unspaced: boolean;
}

/** The beginning of a word. */
interface Beginning {
  readonly text: string;
  readonly logProbability: number;
}

/** A beginning extended by the token `id`, with the reading of the part before it. */
interface Extension extends Beginning {
  readonly id: number;
  readonly from: Reading;
}

/** Spells words with the tokens of a vocabulary. */
export class Speller {
  readonly #model: StepModel;
  readonly #pieces: readonly Piece[];

  constructor(model: StepModel, tokenizer: Tokenizer) {
    this.#model = model;
    const texts = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.decode([id]));
    this.#pieces = texts
      .map((text, id) => ({ id, text, inWord: isOfWord(text), unspaced: beginsUnspaced(text) }))
      // Drop tokens with an incomplete character: alone, they have no text.
      .filter(({ id, text }) => id !== tokenizer.unkId && text !== '' && !text.includes('\uFFFD'));
  }

  /**
   * Completes a word: finds at most `count` likeliest continuations of what was read. Each begins with `typed`, is
   * longer, and has no white space after `typed`.
   * @throws the signal's reason if it aborts
   */
  async complete(reading: Reading, typed: string, count: number, signal?: AbortSignal): Promise<string[]> {
    const words = new Ranking<string>(count);
    let beam: (Beginning & { readonly reading: Reading })[] = [{ text: '', logProbability: 0, reading }];
    let runs = 0;
    for (let length = 0; length < longestWord && beam.length > 0; length++) {
      const longer = new Ranking<Extension>(Math.max(count, 3));
      for (const beginning of beam) this.#extend(beginning, typed, words, longer);
      beam = [];
      for (const { id, from, ...beginning } of longer.values) {
        // A growing beginning only gets less probable, so it can no longer enter.
        if (beginning.logProbability <= words.bar || runs === mostRuns) break;
        runs++;
        signal?.throwIfAborted();
        beam.push({ ...beginning, reading: await this.#model.step(from.state, id) });
      }
    }
    return words.values;
  }

  /** Adds `beginning` to `words` if it may be a word, and its extensions by one token to `longer`. */
  #extend(
    { text, logProbability, reading }: Beginning & { readonly reading: Reading },
    typed: string,
    words: Ranking<string>,
    longer: Ranking<Extension>,
  ): void {
    const logProbabilities = logSoftmax(reading.logits);
    const isWord = text.length > typed.length && /[\p{L}\p{N}]/u.test(text);
    const continuing = endsUnspaced(text) && isWord ? this.#continuing(text, logProbabilities) : undefined;
    let end = 0;
    for (const piece of this.#pieces) {
      const score = logProbability + logProbabilities[piece.id]!;
      const inWord = isWord && continuing ? continuing.has(piece.id) : piece.inWord && !(isWord && piece.unspaced);
      if (isWord && !inWord) end += Math.exp(logProbabilities[piece.id]!);
      if (score > longer.bar && fits(text, { text: piece.text, inWord }, typed)) {
        longer.add({ text: text + piece.text, logProbability: score, id: piece.id, from: reading }, score);
      }
    }
    if (isWord) words.add(text, logProbability + Math.log(end));
  }

  /** The likeliest tokens that continue the last word of `text`, which ends in a script without spaces. */
  #continuing(text: string, logProbabilities: Float64Array): Set<number> {
    const likeliest = new Ranking<Piece>(mostContinuations);
    for (const piece of this.#pieces) likeliest.add(piece, logProbabilities[piece.id]!);
    const continuing = likeliest.values.filter((piece) => piece.inWord && piece.unspaced && goesOn(text, piece.text));
    return new Set(continuing.map(({ id }) => id));
  }
}

/** Whether `piece` after `text` agrees with the typed part and continues its word. */
function fits(text: string, piece: Pick<Piece, 'text' | 'inWord'>, typed: string): boolean {
  if (text.length >= typed.length) return piece.inWord;
  const grown = text + piece.text;
  return grown.length <= typed.length
    ? typed.startsWith(grown)
    : grown.startsWith(typed) && !/\s/.test(grown.slice(typed.length));
}
