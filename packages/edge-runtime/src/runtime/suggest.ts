/**
 * Next words for what is being typed. With a word tokenizer they are the likeliest words of the vocabulary that begin
 * with what is typed of the last one; with smaller tokens they are spelled out, greedily, from the likeliest beginnings.
 */
import type { Tokenizer } from '@unroll/core/text';
import type { ContextReader } from './context.js';
import { Continuation } from './continuation.js';
import type { StepModel } from './step.js';

export interface SuggestOptions {
  /** How many suggestions at most; default 3. */
  readonly count?: number;
  /** The part of the word that is typed already; by default what `text` ends with after its last white space. */
  readonly prefix?: string;
}

/** What suggesting needs of a loaded model. */
export interface Suggester {
  readonly tokenizer: Tokenizer;
  readonly model: StepModel;
  readonly reader: ContextReader;
}

/** A word of more tokens than this is cut off. */
const longestWord = 24;

/** Whole words, the likeliest first. */
export async function suggest(
  suggester: Suggester,
  text: string,
  { count = 3, prefix }: SuggestOptions,
): Promise<string[]> {
  const typed = prefix ?? /\S*$/.exec(text)![0];
  const before = prefix === undefined ? text.slice(0, text.length - typed.length) : text;
  return suggester.tokenizer.kind === 'word'
    ? suggestFromVocabulary(suggester, before, typed, count)
    : spellOut(suggester, before + typed, typed, count);
}

async function suggestFromVocabulary(
  { tokenizer, reader }: Suggester,
  before: string,
  typed: string,
  count: number,
): Promise<string[]> {
  const { logits } = await reader.read([tokenizer.eosId, ...tokenizer.encode(before)]);
  const words = Array.from(logits.keys(), (id) => ({ id, word: tokenizer.token(id) })).filter(
    ({ id, word }) => id !== tokenizer.eosId && id !== tokenizer.unkId && hasLetter(word),
  );
  const exact = words.filter(({ word }) => word.startsWith(typed));
  const lowerCase = typed.toLowerCase();
  const candidates = exact.length > 0 ? exact : words.filter(({ word }) => word.toLowerCase().startsWith(lowerCase));
  return candidates
    .sort((a, b) => logits[b.id]! - logits[a.id]!)
    .slice(0, count)
    .map(({ word }) => word);
}

async function spellOut(
  { tokenizer, model, reader }: Suggester,
  text: string,
  typed: string,
  count: number,
): Promise<string[]> {
  const context = [tokenizer.eosId, ...tokenizer.encode(text)];
  const { logits, state } = await reader.read(context);
  const beginnings = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, 4 * count);
  const words = new Set<string>();
  for (const beginning of beginnings) {
    const continuation = new Continuation(tokenizer, context);
    let [next, after] = [beginning, state];
    for (let length = 0; length < longestWord; length++) {
      continuation.add(next);
      if (/\S\s/.test(typed + continuation.text)) break;
      const result = await model.step(after, next);
      [next, after] = [likeliest(result.logits), result.state];
    }
    const word = (typed + continuation.text).trimStart().split(/\s/)[0]!;
    if (word !== typed && hasLetter(word)) words.add(word);
    if (words.size === count) break;
  }
  return [...words];
}

function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

function hasLetter(word: string): boolean {
  return /\p{L}|\p{N}/u.test(word);
}
