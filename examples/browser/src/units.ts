/** The units in which a text is shown and changed: words, found by white space or, in scripts without it, by a dictionary. */

import { UNSPACED_CHARACTER } from '@unroll/core/text';

export interface Unit {
  readonly text: string;
  /** Where it begins in the text. */
  readonly start: number;
  /** The white space that follows it. */
  readonly space: string;
}

/** Whether a text holds writing without spaces between words, such as Chinese, Japanese or Thai. */
export function isUnspaced(text: string): boolean {
  return UNSPACED_CHARACTER.test(text);
}

/** Browsers without a segmenter show every character of such scripts for itself. */
const segmenter =
  typeof Intl.Segmenter === 'function' ? new Intl.Segmenter(undefined, { granularity: 'word' }) : undefined;

/**
 * The units of a text, in order; a line break is one, shown as `⏎`.
 * @param mayEnd whether a unit may end at this place, within what stands between white space
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

/** The pieces between white space, cut further where their script has no spaces. */
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
