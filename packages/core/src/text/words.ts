// Encodes words for a tagger: their ids without regard to case and digits, and how they are spelled.

import type { Vocabulary } from './vocabulary.js';

/** The kinds of spelling that a tagger distinguishes. */
export const spellings = [
  ...(['lower', 'capitalized', 'upper', 'mixed'] as const),
  ...(['number', 'alphanumeric', 'punctuation', 'caseless'] as const),
];

/** The word that stands in a tagger's vocabulary: in lower case, each digit a 0, as in Collobert et al. (2011). */
export function vocabularyWord(word: string): string {
  return word.toLowerCase().replace(/\p{Nd}/gu, '0');
}

/**
 * Encodes words.
 * @param vocabulary words by {@link vocabularyWord}; its first entry stands for all others
 * @returns ids, and indices into {@link spellings}
 */
export function encodeWords(vocabulary: Vocabulary, words: readonly string[]) {
  return {
    ids: words.map((word) => vocabulary.id(vocabularyWord(word)) ?? 0),
    spellings: words.map((word) => spellings.indexOf(spellingOf(word))),
  };
}

function spellingOf(word: string): (typeof spellings)[number] {
  const hasDigit = /\p{N}/u.test(word);
  if (!/\p{L}/u.test(word)) return hasDigit ? 'number' : 'punctuation';
  if (hasDigit) return 'alphanumeric';
  const letters = word.replace(/\P{L}/gu, '');
  if (letters === letters.toLowerCase()) return letters === letters.toUpperCase() ? 'caseless' : 'lower';
  const [first = '', ...rest] = letters;
  if (first === first.toUpperCase() && rest.join('') === rest.join('').toLowerCase()) return 'capitalized';
  return letters === letters.toUpperCase() ? 'upper' : 'mixed';
}
