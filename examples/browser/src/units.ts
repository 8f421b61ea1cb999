/**
 * Splits a text into the units that the page shows and swaps: words, found by white space or, in scripts without it, by
 * a dictionary.
 */

import { UNSPACED_CHARACTER } from '@unroll/core/text';

export interface Unit {
  readonly text: string;
  /** Index of its first character in the text. */
  readonly start: number;
  /** The white space after it. */
  readonly space: string;
}

/** Whether a text contains a writing without spaces between words, such as Chinese, Japanese or Thai. */
export function isUnspaced(text: string): boolean {
  return UNSPACED_CHARACTER.test(text);
}

/** Finds words in such scripts. Browsers without a segmenter show every character separately. */
const segmenter =
  typeof Intl.Segmenter === 'function' ? new Intl.Segmenter(undefined, { granularity: 'word' }) : undefined;

/**
 * The units of a text, in order; a line break is a unit, shown as `⏎`.
 * @param mayEnd whether a unit may end at this index, between white spaces
 */
export function unitsOf(text: string, mayEnd: (end: number) => boolean = () => true): Unit[] {
  return [...text.matchAll(/(\S+|\n)([^\S\n]*)/g)].flatMap(({ 1: part, 2: space, index }) => {
    if (part === '\n') return [{ text: '⏎', start: index, space: '\n' }];
    const words = wordsOf(part!, (end) => mayEnd(index + end));
    let end = index;
    return words.map((word, place) => {
      const start = end;
      end += word.length;
      return { text: word, start, space: place === words.length - 1 ? space! : '' };
    });
  });
}

/** Splits a part between white spaces further if its script has no spaces. */
function wordsOf(part: string, mayEnd: (end: number) => boolean): string[] {
  if (!isUnspaced(part)) return [part];
  const words: string[] = [];
  let [word, end] = ['', 0];
  for (const segment of segmenter ? Array.from(segmenter.segment(part), ({ segment }) => segment) : part) {
    word += segment;
    end += segment.length;
    if (end < part.length && !mayEnd(end)) continue;
    words.push(word);
    word = '';
  }
  return words;
}
