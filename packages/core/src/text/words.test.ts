import { expect, test } from 'vitest';
import { Vocabulary } from './vocabulary.js';
import { encodeWords, spellings, vocabularyWord } from './words.js';

test.each([
  ['in', 'lower'],
  ["don't", 'lower'],
  ['élan', 'lower'],
  ['London', 'capitalized'],
  ['I', 'capitalized'],
  ['Élan', 'capitalized'],
  ['EU', 'upper'],
  ['U.S.', 'upper'],
  ['McKay', 'mixed'],
  ['iPad', 'mixed'],
  ['1,984.5', 'number'],
  ['B2', 'alphanumeric'],
  ['--', 'punctuation'],
  ['北京', 'caseless'],
])('%s is spelled %s', (word, spelling) => {
  expect(spellings[encodeWords(new Vocabulary(['<unk>']), [word]).spellings[0]!]).toBe(spelling);
});

test('words are known without regard to case and digits', () => {
  const vocabulary = new Vocabulary(['<unk>', ...['London', '1984'].map(vocabularyWord)]);
  expect(vocabulary.tokens).toEqual(['<unk>', 'london', '0000']);
  expect(encodeWords(vocabulary, ['LONDON', 'london', '2026', '26', 'Paris']).ids).toEqual([1, 1, 2, 0, 0]);
});
