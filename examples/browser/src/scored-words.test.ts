import { expect, test } from 'vitest';
import { levelOf, scoredWords } from './scored-words.js';

/** A score whose tokens are the given parts of `text`, in order, with 1, 2, 4, … bits. */
function scoreOf(text: string, parts: readonly string[]) {
  let end = 0;
  const spans = parts.map((part) => {
    const start = text.indexOf(part, end);
    end = start + part.length;
    return [start, end] as const;
  });
  return { tokens: parts, spans, surprises: parts.map((_, index) => 2 ** index) };
}

test('a word has the bits of its tokens; a space counts for the word before or after it, in which its token ends', () => {
  const text = 'the cats sat';
  expect(scoredWords(text, scoreOf(text, ['the', ' ca', 'ts', ' ', 'sat']))).toMatchObject([
    { text: 'the', bits: 1, space: ' ' },
    { text: 'cats', bits: 2 + 4 + 8, space: ' ' },
    { text: 'sat', bits: 16, space: '' },
  ]);
});

test('a line break is a word of its own', () => {
  const text = 'one\ntwo';
  expect(scoredWords(text, scoreOf(text, ['one', '\n', 'two'])).map((word) => word.text + word.space)).toEqual([
    'one',
    '⏎\n',
    'two',
  ]);
});

test('a word that the vocabulary lacks is marked', () => {
  const score = { ...scoreOf('the xyzzy', ['the', 'xyzzy']), tokens: ['the', '<unk>'] };
  expect(scoredWords('the xyzzy', score).map(({ unknown }) => unknown)).toEqual([false, true]);
});

test('in scripts without spaces, words come from a dictionary and end where a token ends', () => {
  const text = '春风又绿江南岸，app 東京に';
  const words = scoredWords(text, scoreOf(text, [...text]));
  expect(words.map(({ text, space }) => text + space).join('')).toBe(text);
  expect(words.map((word) => word.text)).toEqual(expect.arrayContaining(['江南', '岸', '，', 'app', '東京', 'に']));
  // One token of several words cannot be shared among them.
  const whole = scoredWords('江南岸', scoreOf('江南岸', ['江南岸']));
  expect(whole).toMatchObject([{ text: '江南岸', bits: 1 }]);
});

test('white space alone has no words', () => {
  expect(scoredWords('  ', scoreOf('  ', [' ', ' ']))).toEqual([]);
});

test('levels start at 0, 3, 6, 9 and 12 bits', () => {
  expect([-1e-9, 2.9, 3, 11.9, 12, 30].map(levelOf)).toEqual([0, 0, 1, 3, 4, 4]);
});
