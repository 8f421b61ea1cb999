// Learns the merges of a byte-level BPE tokenizer (Sennrich et al. 2016, "Neural Machine Translation of Rare Words with
// Subword Units", algorithm 1), with counts updated in place: a merge touches only the words that hold the pair.
// Deterministic: of equally frequent pairs the one with the smaller ids is merged first.

import TinyQueue from 'tinyqueue';
import { type BpeModel, LINE_BREAK } from './bpe-tokenizer.js';
import { BYTE_ALPHABET, byteLevelWords } from './byte-level.js';
import { TokenCounts } from './token-counts.js';
import { Vocabulary } from './vocabulary.js';

/** Pairs of ids are map keys `left * PAIR_BASE + right`; ids stay below it. */
const PAIR_BASE = 2 ** 24;

interface Word {
  /** The word's pieces, as ids. */
  pieces: number[];
  /** How often the word occurs. */
  readonly count: number;
}

interface Candidate {
  readonly pair: number;
  readonly count: number;
}

/**
 * The BPE model of `texts` with at most `vocabSize` tokens; fewer if no pair occurs `minCount` times any more.
 *
 * @throws RangeError if `vocabSize` cannot hold the line break and the 256 bytes, or `minCount` is below 1
 */
export function trainBpe(texts: Iterable<string>, options: { vocabSize: number; minCount: number }): BpeModel {
  const { vocabSize, minCount } = options;
  const tokens = [LINE_BREAK, ...BYTE_ALPHABET.toSorted()];
  if (!(vocabSize >= tokens.length && vocabSize <= PAIR_BASE)) {
    throw new RangeError(
      `vocabulary size ${vocabSize}: bpe needs at least ${tokens.length}, the line break and the bytes`,
    );
  }
  if (!(minCount >= 1)) throw new RangeError(`minimum count ${minCount}: must be at least 1`);
  const pairs = new PairCounts(countWords(texts, new Map(tokens.map((token, id) => [token, id]))), minCount);
  const merges: [string, string][] = [];
  while (tokens.length < vocabSize) {
    const pair = pairs.takeMostFrequent();
    if (pair === undefined) break;
    const left = tokens[Math.floor(pair / PAIR_BASE)]!;
    const right = tokens[pair % PAIR_BASE]!;
    pairs.merge(pair, tokens.length);
    merges.push([left, right]);
    tokens.push(left + right);
  }
  return { vocabulary: new Vocabulary(tokens), merges };
}

function countWords(texts: Iterable<string>, ids: ReadonlyMap<string, number>): Word[] {
  const counts = new TokenCounts();
  for (const text of texts) {
    for (const line of text.split(LINE_BREAK)) for (const word of byteLevelWords(line)) counts.add(word);
  }
  return Array.from(counts, ([word, count]) => ({ pieces: Array.from(word, (byte) => ids.get(byte)!), count }));
}

/** The counts of neighbouring pieces over all words, kept right while pairs are merged. */
class PairCounts {
  readonly #words: readonly Word[];
  readonly #minCount: number;
  readonly #counts = new Map<number, number>();
  /** Pair → the words that hold it or once did. */
  readonly #places = new Map<number, Set<number>>();
  /** Counts as they were when queued: an entry whose count has changed since is stale. */
  readonly #queue = new TinyQueue<Candidate>([], (a, b) => b.count - a.count || a.pair - b.pair);

  constructor(words: readonly Word[], minCount: number) {
    this.#words = words;
    this.#minCount = minCount;
    for (const index of words.keys()) this.#countPairs(index, 1);
    for (const pair of this.#counts.keys()) this.#enqueue(pair);
  }

  /** The most frequent pair that occurs often enough. */
  takeMostFrequent(): number | undefined {
    for (;;) {
      const candidate = this.#queue.pop();
      if (candidate === undefined || this.#counts.get(candidate.pair) === candidate.count) return candidate?.pair;
    }
  }

  /** Replaces every occurrence of `pair` by the piece `merged`. */
  merge(pair: number, merged: number): void {
    const touched = new Set<number>();
    for (const index of this.#places.get(pair) ?? []) {
      for (const changed of this.#countPairs(index, -1)) touched.add(changed);
      this.#words[index]!.pieces = mergePieces(this.#words[index]!.pieces, pair, merged);
      for (const changed of this.#countPairs(index, 1)) touched.add(changed);
    }
    this.#counts.delete(pair);
    this.#places.delete(pair);
    for (const changed of touched) this.#enqueue(changed);
  }

  /** Adds (`sign` 1) or takes back (-1) the pairs of one word; returns them. */
  #countPairs(index: number, sign: 1 | -1): number[] {
    const { pieces, count } = this.#words[index]!;
    const pairs: number[] = [];
    for (let i = 1; i < pieces.length; i++) {
      const pair = pieces[i - 1]! * PAIR_BASE + pieces[i]!;
      pairs.push(pair);
      this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + sign * count);
      const places = this.#places.get(pair);
      if (places) places.add(index);
      else this.#places.set(pair, new Set([index]));
    }
    return pairs;
  }

  #enqueue(pair: number): void {
    const count = this.#counts.get(pair) ?? 0;
    if (count >= this.#minCount) this.#queue.push({ pair, count });
  }
}

function mergePieces(pieces: readonly number[], pair: number, merged: number): number[] {
  const result: number[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const joins = i + 1 < pieces.length && pieces[i]! * PAIR_BASE + pieces[i + 1]! === pair;
    result.push(joins ? merged : pieces[i]!);
    if (joins) i++;
  }
  return result;
}
