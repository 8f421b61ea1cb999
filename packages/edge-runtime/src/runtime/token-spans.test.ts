import { trainTokenizer } from '@unroll/core/text';
import { expect, test } from 'vitest';
import { tokenSpans } from './token-spans.js';

const text = 'the  café\nis 🙂 the cafés ';

/** The parts of `text` that the tokens of a tokenizer trained on `corpus` stand for. */
function parts(kind: 'word' | 'char' | 'bpe', corpus: string, vocabSize: number): string[] {
  const tokenizer = trainTokenizer(kind, corpus, { vocabSize });
  return tokenSpans(tokenizer, text, tokenizer.encode(text)).map(([start, end]) => text.slice(start, end));
}

test('word tokens stand for the words, known or not, and the line breaks', () => {
  expect(parts('word', 'the is\n', 4)).toEqual(['the', 'café', '\n', 'is', '🙂', 'the', 'cafés']);
});

test('character tokens stand for the characters, each whole', () => {
  expect(parts('char', 'the\n', 5)).toEqual([...text]);
});

test('byte-pair tokens follow one another, and one that ends within a character has all of it', () => {
  const joined = parts('bpe', 'the the\n', 262);
  expect(joined.slice(0, 3)).toEqual(['the', ' ', ' ']);
  expect(joined.filter((part) => part === '🙂')).toHaveLength(4);
  expect(joined.filter((part, index) => part !== joined[index - 1] || /[^é🙂]/u.test(part)).join('')).toBe(text);
});
