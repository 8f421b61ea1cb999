/**
 * Finds the beginnings and ends of words in a text that is being typed. If tokens are words, white space separates
 * them. Otherwise the script decides: in one without spaces, words follow one another directly, and `Intl.Segmenter`
 * finds their ends.
 */
import { type Tokenizer, UNSPACED_CHARACTER } from '@unroll/core/text';

/** Characters that continue a word: letters, marks, numbers, joiners, apostrophes and hyphens. */
const inWord = /^(?:[\p{L}\p{M}\p{N}'’\u05F3\u05F4-]|\u200C|\u200D)+$/u;

/** A segmenter for any language; undefined if the runtime has none. */
const segmenter =
  typeof Intl.Segmenter === 'function' ? new Intl.Segmenter(undefined, { granularity: 'word' }) : undefined;

/** Whether this text can be part of a word. */
export function isOfWord(text: string): boolean {
  return inWord.test(text);
}

export function endsUnspaced(text: string): boolean {
  return UNSPACED_CHARACTER.test([...text].at(-1) ?? '');
}

export function beginsUnspaced(text: string): boolean {
  return UNSPACED_CHARACTER.test([...text][0] ?? '');
}

/** Whether `more` continues the word at the end of `text`; both are in scripts without spaces. */
export function goesOn(text: string, more: string): boolean {
  return segmenter !== undefined && segmenter.segment(text + more).containing(text.length)?.index !== text.length;
}

/**
 * The typed part of the last word: the text after the last white space or, if tokens are smaller than words, after the
 * last character of a script without spaces. Such a character does not begin a word to complete: suggestions follow it.
 */
export function begunWord(text: string, kind: Tokenizer['kind']): string {
  const afterSpace = /\S*$/.exec(text)![0];
  if (kind === 'word' || !UNSPACED_CHARACTER.test(afterSpace)) return afterSpace;
  const characters = [...afterSpace];
  const last = characters.findLastIndex((character) => UNSPACED_CHARACTER.test(character) || !isOfWord(character));
  return characters.slice(last + 1).join('');
}

/**
 * Replaces the begun word at the end of `text` by a suggestion, and adds a space if the writing has spaces between
 * words. Without a suggestion, returns `text` unchanged.
 */
export function textWith(text: string, suggestion: string | undefined, kind: Tokenizer['kind']): string {
  if (suggestion === undefined) return text;
  const before = text.slice(0, text.length - begunWord(text, kind).length);
  const space = kind === 'word' || !endsUnspaced(suggestion) ? ' ' : '';
  return before + suggestion + space;
}
