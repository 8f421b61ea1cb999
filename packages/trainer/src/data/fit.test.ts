import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { trainTokenizer } from '@unroll/core/text';
import { expect, test } from 'vitest';
import { loadCorpus } from './corpus.js';
import { fitOf, misfits, unknownTokens } from './fit.js';

const tokenizer = trainTokenizer('word', 'the cat sleeps\nthe dog barks\n');
const linesOf = (text: string) => misfits(tokenizer, 'the text', fitOf(tokenizer, [text]));

test('a text that the vocabulary covers gives no notice, nor does <unk> written in prepared corpora', () => {
  expect(linesOf('the dog sleeps\nthe <unk> barks\n')).toEqual([]);
});

test('more than a few per cent of unknown words give a notice with a remedy', () => {
  expect(linesOf(`${'the cat sleeps\n'.repeat(30)}a wolf howls\n`)).toEqual([
    'the text: 3.2 % of its words are not in the vocabulary and all count as <unk>; give a larger --vocabulary, or use --tokenizer char or bpe',
  ]);
  expect(linesOf(`${'the cat sleeps\n'.repeat(40)}a wolf howls\n`)).toEqual([]);
});

test.each([
  ['Chinese', '万里清风，吹送锦帆，入南浦云。\n看拂天旌旆，攀留不住。\n'],
  ['Japanese', '東京に行きました。ありがとうございます。\n'],
  ['Thai', 'สวัสดีครับผมชื่อสมชาย\n'],
])('%s without spaces is told to be so', (_, text) => {
  expect(linesOf(text)).toEqual([
    expect.stringMatching(
      /^the text has no spaces between words: each clause is a word.*; use --tokenizer char or bpe$/,
    ),
  ]);
  const known = trainTokenizer('word', text);
  expect(misfits(known, 'the text', fitOf(known, [text]))).toHaveLength(1);
  const characters = trainTokenizer('char', text);
  expect(misfits(characters, 'the text', fitOf(characters, [text]))).toEqual([]);
});

test('Chinese in words between spaces, Korean and Arabic are texts of words', () => {
  for (const text of ['春风 又 绿 江南 岸\n明月 何时 照 我 还\n', '한국어 문장입니다\n', 'مرحبا بالعالم\n']) {
    const known = trainTokenizer('word', text);
    expect(misfits(known, 'the text', fitOf(known, [text]))).toEqual([]);
  }
});

test('<eos> written in a text gives a notice', () => {
  expect(linesOf(`the dog <eos> the cat\n${'the cat sleeps\n'.repeat(30)}`)).toEqual([
    'the text has <eos> written in it, 1 times: an unknown word, as only the end of a line ends one',
  ]);
});

test('the unknown tokens of a text are shown', () => {
  expect(unknownTokens(tokenizer, '--text', 'the wolf howls at the wolf')).toBe(
    '--text: 4 of 6 tokens are not in the vocabulary and count as <unk> ("wolf", "howls", "at")',
  );
  expect(unknownTokens(tokenizer, '--text', 'the <unk> barks\n')).toBeUndefined();
});

const songci = join(process.env.UNROLL_DATA ?? join(import.meta.dirname, '../../../../../shared/data'), 'songci');
if (!existsSync(songci)) console.warn(`Song poems skipped: there is no ${songci}`);

test.skipIf(!existsSync(songci))('poems of the Song dynasty are not words between spaces', () => {
  const { valid } = loadCorpus(songci);
  expect(fitOf(tokenizer, valid.texts())).toMatchObject({ hasNoSpaces: true });
});
