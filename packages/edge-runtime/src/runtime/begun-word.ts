/**
 * Where the words of a text that is being typed begin and end. Where tokens are words, at white space; else by the script: in
 * one that is written without spaces, words follow one another, and `Intl.Segmenter` finds their ends.
 */
import { type Tokenizer, UNSPACED_CHARACTER } from '@unroll/core/text';

/** Characters that continue a word: letters, marks, numbers, joiners, apostrophes and hyphens. */
const inWord = /^(?:[\p{L}\p{M}\p{N}'’\u05F3\u05F4-]|\u200C|\u200D)+$/u;

/** A segmenter for any language; undefined where the runtime has none. */
const segmenter =
  typeof Intl.Segmenter === 'function' ? new Intl.Segmenter(undefined, { granularity: 'word' }) : undefined;

/** Whether a word can be made of this, or go on with it. */
export function isOfWord(text: string): boolean {
  return inWord.test(text);
}

export function endsUnspaced(text: string): boolean {
  return UNSPACED_CHARACTER.test([...text].at(-1) ?? '');
}

export function beginsUnspaced(text: string): boolean {
  return UNSPACED_CHARACTER.test([...text][0] ?? '');
}

/** Whether `more`, both in scripts without spaces, goes on with the word at the end of `text`. */
export function goesOn(text: string, more: string): boolean {
  return segmenter !== undefined && segmenter.segment(text + more).containing(text.length)?.index !== text.length;
}

/**
 * The part of the last word that is typed: what stands after the last white space or, where tokens are smaller than words,
 * after the last character of a script without spaces. Such a character begins no word to complete: what follows it is next.
 */
export function begunWord(text: string, kind: Tokenizer['kind']): string {
  const afterSpace = /\S*$/.exec(text)![0];
  if (kind === 'word' || !UNSPACED_CHARACTER.test(afterSpace)) return afterSpace;
  const characters = [...afterSpace];
  const last = characters.findLastIndex((character) => UNSPACED_CHARACTER.test(character) || !isOfWord(character));
  return characters.slice(last + 1).join('');
}

/**
 * `text` with a suggestion in the place of its begun word, and a space after it where the writing has one between words.
 * Without a suggestion it stays as it is.
 */
export function textWith(text: string, suggestion: string | undefined, kind: Tokenizer['kind']): string {
  if (suggestion === undefined) return text;
  const before = text.slice(0, text.length - begunWord(text, kind).length);
  const space = kind === 'word' || !endsUnspaced(suggestion) ? ' ' : '';
  return before + suggestion + space;
}
