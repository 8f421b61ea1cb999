import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from '../testing/unroll-process.js';
import { readVocabulary } from './vocabulary-file.js';

const root = temporaryFolder();
afterAll(() => root[Symbol.dispose]());

function read(contents: string) {
  const file = join(root.path, 'vocabulary');
  writeFileSync(file, contents);
  return readVocabulary(file);
}

const words = ['the', '<unk>', '<eos>', 'dog'];

test.each([
  ['a word a line', `${words.join('\n')}\n`],
  ['lines of Windows', words.join('\r\n')],
  ['a JSON list', JSON.stringify(words)],
  ['a JSON object of ids', JSON.stringify({ dog: 3, '<eos>': 2, '<unk>': 1, the: 0 })],
])('%s is a vocabulary, in the order of the ids', (_, contents) => {
  const tokenizer = read(contents);
  expect(tokenizer.kind).toBe('word');
  expect(tokenizer.encode('the cat\nthe dog')).toEqual([0, 1, 2, 0, 3]);
});

test('a tokenizer.json is read as one', () => {
  const tokenizer = read(words.join('\n'));
  expect(read(JSON.stringify(tokenizer.toJSON())).toJSON()).toEqual(tokenizer.toJSON());
});

test('words that look like JSON are words', () => {
  expect(read('3\n<unk>\n<eos>\ntrue\n').encode('true 3')).toEqual([3, 0]);
  expect(() => read('3')).toThrow('lacks <unk>');
});

test('a list with a line break among its tokens is of characters', () => {
  const tokenizer = read(JSON.stringify(['<unk>', '\n', 'a', 'b']));
  expect(tokenizer.kind).toBe('char');
  expect(tokenizer.encode('ab\nc')).toEqual([2, 3, 1, 0]);
});

test.each([
  ['that lacks the end of a line', 'the\n<unk>\n', /vocabulary: word tokenizer: the vocabulary lacks <eos>; add it/],
  ['with a word twice', 'the\nthe\n', /"the" has two ids, 0 and 1/],
  ['with a gap in its ids', '{"<unk>": 0, "<eos>": 2}', /ids run from 0 to 1/],
])('a vocabulary %s is refused', (_, contents, message) => {
  expect(() => read(contents)).toThrow(message);
});

test('a file that is not there is refused by name', () => {
  expect(() => readVocabulary(join(root.path, 'absent.txt'))).toThrow(/absent\.txt: does not exist/);
});
