import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { expect, test } from 'vitest';
import { BYTE_ALPHABET } from './byte-level.js';
import { loadTokenizer } from './loading.js';
import { Vocabulary } from './vocabulary.js';
import { inByteAlphabet, WorldTokenizer } from './world-tokenizer.js';

const spelled = (text: string) => inByteAlphabet(new TextEncoder().encode(text));
const pieces = ['th', 'the', ' the', 'her', '\n\n', '诗', 'é', ' 诗'];
const tokens = ['end of text', ...BYTE_ALPHABET, ...pieces.map(spelled), 'no token 265'];
const tokenizer = new WorldTokenizer(new Vocabulary(tokens));
const texts = (text: string) => tokenizer.encode(text).map((id) => tokenizer.decode([id]));

test('the longest token that matches is taken at each place, without looking ahead', () => {
  expect(texts('there')).toEqual(['the', 'r', 'e']);
  expect(texts('tther')).toEqual(['t', 'the', 'r']);
  expect(texts(' the\n\n\n')).toEqual([' the', '\n\n', '\n']);
  expect(texts('écoute 诗')).toEqual(['é', 'c', 'o', 'u', 't', 'e', ' 诗']);
  expect(tokenizer.encode('')).toEqual([]);
});

test('every text comes back, and each token has its part of it', () => {
  const text = 'the 😀 诗\u0000 end of text\n';
  expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  expect(tokenizer.encode('end of text')).not.toContain(0);
  expect(tokenizer.decode([0, 265])).toBe('');
  const parts = tokenizer.spans('😀the').map(([from, to]) => '😀the'.slice(from, to));
  expect(parts).toEqual(['😀', '😀', '😀', '😀', 'the']);
});

test('its file, read again, gives the same ids; there is no start token', () => {
  const again = loadTokenizer(JSON.parse(JSON.stringify(tokenizer)));
  expect(again.encode('her there\n')).toEqual(tokenizer.encode('her there\n'));
  expect(again).toMatchObject({ vocabSize: tokens.length, startId: undefined, eosId: 11 });
  const file = JSON.parse(JSON.stringify(tokenizer));
  file.model.continuing_subword_prefix = '##';
  expect(() => loadTokenizer(file)).toThrow('\'model.continuing_subword_prefix\' is "##"');
});

test('Hugging Face’s library reads its file and gives the same ids', () => {
  const json = JSON.parse(JSON.stringify(tokenizer));
  const theirs: { encode(text: string): { ids: number[] } } = new HuggingFaceTokenizer(json, {});
  for (const text of ['there', ' the\n\n\nher', 'écoute 诗 😀', 'the end of text']) {
    expect(theirs.encode(text).ids).toEqual(tokenizer.encode(text));
  }
});

test('a vocabulary without a byte is refused', () => {
  expect(() => new WorldTokenizer(new Vocabulary(tokens.slice(2)))).toThrow('lacks byte 0');
});
