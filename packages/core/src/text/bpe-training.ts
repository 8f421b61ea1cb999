// Learns the merges of a byte-level BPE tokenizer (Sennrich et al. 2016, "Neural Machine Translation of Rare Words with
// Subword Units", algorithm 1). Counts are updated in place: a merge touches only the places where the pair occurs. So
// the work grows with the number of different words in the text, not with the square of their length. Deterministic: of
// equally frequent pairs, the one with the smaller ids is merged first.

import TinyQueue from 'tinyqueue';
import { type BpeModel, LINE_BREAK } from './bpe-tokenizer.js';
import { BYTE_ALPHABET, byteLevelWords } from './byte-level.js';
import { TokenCounts } from './token-counts.js';
import type { TokenizerProgress } from './tokenizer.js';
import { Vocabulary } from './vocabulary.js';

/** Map key of a pair of ids: `left * PAIR_BASE + right`; ids are below PAIR_BASE. */
const PAIR_BASE = 2 ** 24;

interface Candidate {
  readonly pair: number;
  readonly count: number;
}

/**
 * Learns the BPE model of `texts` with at most `vocabSize` tokens, or fewer if no remaining pair occurs `minCount`
 * times.
 *
 * @throws RangeError if `vocabSize` cannot hold the line break and the 256 bytes, or `minCount` is below 1
 */
export function* trainBpe(
  texts: Iterable<string>,
  { vocabSize, minCount }: { readonly vocabSize: number; readonly minCount: number },
): Generator<TokenizerProgress, BpeModel, undefined> {
  const tokens = [LINE_BREAK, ...BYTE_ALPHABET.toSorted()];
  if (!(vocabSize >= tokens.length && vocabSize <= PAIR_BASE)) {
    throw new RangeError(
      `vocabulary size ${vocabSize}: bpe needs at least ${tokens.length}, the line break and the bytes`,
    );
  }
  if (!(minCount >= 1)) throw new RangeError(`minimum count ${minCount}: must be at least 1`);
  const counts = yield* countWords(texts);
  const pairs = new PairCounts(counts, new Map(tokens.map((token, id) => [token, id])), minCount);
  const merges: [string, string][] = [];
  const total = vocabSize - tokens.length;
  while (merges.length < total) {
    const pair = pairs.takeMostFrequent();
    if (pair === undefined) break;
    const left = tokens[Math.floor(pair / PAIR_BASE)]!;
    const right = tokens[pair % PAIR_BASE]!;
    pairs.merge(pair, tokens.length);
    merges.push([left, right]);
    tokens.push(left + right);
    yield { stage: 'merging', done: merges.length, total };
  }
  return { vocabulary: new Vocabulary(tokens), merges };
}

function* countWords(texts: Iterable<string>): Generator<TokenizerProgress, TokenCounts, undefined> {
  const counts = new TokenCounts();
  let done = 0;
  for (const text of texts) {
    for (const line of text.split(LINE_BREAK)) for (const word of byteLevelWords(line)) counts.add(word);
    done += text.length;
    yield { stage: 'counting', done };
  }
  return counts;
}

/** Stands for no place: before the first piece of a word and after its last. */
const NONE = -1;

/**
 * Counts neighbouring pieces over all words, and updates the counts while pairs are merged. All words are stored one
 * after another. The place of a piece's first byte identifies it; links connect it with its neighbours in the word.
 */
class PairCounts {
  readonly #minCount: number;
  readonly #counts = new Map<number, number>();
  /** Pair → the places of its left piece, ascending. Places where the pair was merged away remain and are skipped. */
  readonly #places = new Map<number, number[]>();
  /** Pairs with their counts at queueing time; an entry whose count has changed since is stale. */
  readonly #queue = new TinyQueue<Candidate>([], (a, b) => b.count - a.count || a.pair - b.pair);
  /** By place: the piece's id, or NONE if it was merged into the one before; its neighbours; the count of its word. */
  readonly #ids: Int32Array;
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  readonly #weights: Float64Array;

  constructor(words: TokenCounts, ids: ReadonlyMap<string, number>, minCount: number) {
    this.#minCount = minCount;
    let length = 0;
    for (const [word] of words) length += word.length;
    this.#ids = new Int32Array(length);
    this.#previous = new Int32Array(length);
    this.#next = new Int32Array(length);
    this.#weights = new Float64Array(length);
    let place = 0;
    for (const [word, count] of words) {
      for (let k = 0; k < word.length; k++, place++) {
        this.#ids[place] = ids.get(word[k]!)!;
        this.#previous[place] = k === 0 ? NONE : place - 1;
        this.#next[place] = k === word.length - 1 ? NONE : place + 1;
        this.#weights[place] = count;
        if (k > 0) this.#count(place - 1, 1);
      }
    }
    for (const pair of this.#counts.keys()) this.#enqueue(pair);
  }

  /** Takes the most frequent pair that occurs often enough; undefined if there is none. */
  takeMostFrequent(): number | undefined {
    for (;;) {
      const candidate = this.#queue.pop();
      if (candidate === undefined || this.#counts.get(candidate.pair) === candidate.count) return candidate?.pair;
    }
  }

  /** Replaces every occurrence of `pair` by the piece `merged`, from left to right. */
  merge(pair: number, merged: number): void {
    const touched = new Set<number>();
    for (const place of this.#places.get(pair) ?? []) {
      if (this.#pairAt(place) !== pair) continue;
      const before = this.#previous[place]!;
      const right = this.#next[place]!;
      const after = this.#next[right]!;
      const changed = [before, place, right].filter((left) => this.#pairAt(left) !== undefined);
      for (const left of changed) touched.add(this.#count(left, -1));
      this.#ids[place] = merged;
      this.#ids[right] = NONE;
      this.#next[place] = after;
      if (after !== NONE) this.#previous[after] = place;
      if (before !== NONE) touched.add(this.#count(before, 1));
      if (after !== NONE) touched.add(this.#count(place, 1));
    }
    this.#counts.delete(pair);
    this.#places.delete(pair);
    for (const changed of touched) this.#enqueue(changed);
  }

  /** The pair of the piece at `place` and the next piece; undefined if there is none. */
  #pairAt(place: number): number | undefined {
    if (place === NONE) return undefined;
    const left = this.#ids[place]!;
    const next = this.#next[place]!;
    return left === NONE || next === NONE ? undefined : left * PAIR_BASE + this.#ids[next]!;
  }

  /** Adds (`sign` 1) or subtracts (-1) the pair at `place`, as often as its word occurs; returns the pair. */
  #count(place: number, sign: 1 | -1): number {
    const pair = this.#pairAt(place)!;
    this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + sign * this.#weights[place]!);
    if (sign === -1) return pair;
    const places = this.#places.get(pair);
    if (places) places.push(place);
    else this.#places.set(pair, [place]);
    return pair;
  }

  #enqueue(pair: number): void {
    const count = this.#counts.get(pair) ?? 0;
    if (count >= this.#minCount) this.#queue.push({ pair, count });
  }
}
