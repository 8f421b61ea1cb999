import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { trainTokenizer } from '@unroll/core/text';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from '../testing/unroll-process.js';
import { readVocabulary } from './vocabulary-file.js';

const root = temporaryFolder();
afterAll(() => root[Symbol.dispose]());

function read(contents: string | Uint8Array) {
  const file = join(root.path, 'vocabulary');
  writeFileSync(file, contents);
  return readVocabulary(file);
}

function lowerCased(): string {
  const file = trainTokenizer('word', 'a b\n').toJSON();
  return JSON.stringify({ ...file, normalizer: { type: 'Lowercase' } });
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

test('a list with a line break among its tokens is a vocabulary of characters', () => {
  const tokenizer = read(JSON.stringify(['<unk>', '\n', 'a', 'b']));
  expect(tokenizer.kind).toBe('char');
  expect(tokenizer.encode('ab\nc')).toEqual([2, 3, 1, 0]);
});

test.each([
  ['a byte order mark', `\uFEFF${words.join('\n')}`],
  ['a byte order mark before JSON', `\uFEFF${JSON.stringify(words)}`],
  ['a JSON object from ids to words', JSON.stringify({ 3: 'dog', 2: '<eos>', 1: '<unk>', 0: 'the' })],
])('%s is read as the same vocabulary', (_, contents) => {
  expect(read(contents).encode('the cat\nthe dog')).toEqual([0, 1, 2, 0, 3]);
});

test("ids from 1, as those of Keras's Tokenizer, leave id 0 to padding", () => {
  const tokenizer = read(JSON.stringify({ '<unk>': 1, '<eos>': 2, the: 3 }));
  expect([tokenizer.vocabSize, tokenizer.token(0), tokenizer.unkId]).toEqual([4, '<pad>', 1]);
  const characters = read(JSON.stringify({ '<unk>': 1, '\n': 2, a: 3 }));
  expect(characters.encode('a\nb')).toEqual([3, 2, 1]);
});

test('words that JavaScript has a meaning for are words', () => {
  const tokenizer = read('<unk>\n<eos>\nconstructor\n__proto__\n1990\n');
  expect(tokenizer.encode('1990 __proto__ constructor')).toEqual([4, 3, 2]);
});

test('a text of padding in a JSON list, which no text has, keeps its id', () => {
  expect(read(JSON.stringify(['', '<unk>', '<eos>', 'a'])).encode('a b')).toEqual([3, 1]);
});

test.each([
  ['in Latin-1', Buffer.from('<unk>\n<eos>\ncaf\xe9\n', 'latin1'), /is not UTF-8; convert it/],
  ['in UTF-16', Buffer.from('\uFEFF<unk>\n', 'utf16le'), /is it an archive or UTF-16/],
  ['that is empty', '', /is empty/],
  ['with an empty line', '<unk>\n\n<eos>\n', /line 2 is empty; remove it/],
  ['with counts', '<unk>\t10\n', /line 1 has more than a word, "<unk>\\t10"; leave only "<unk>"/],
  ['with a blank at a line’s end', '<unk>\n<eos> \n', /line 2, "<eos> ", has white space, which separates words/],
  ['with an entry that is null', '["<unk>", null]', /entry 1 of the list is null; every entry is a string/],
  ['with a number', '["<unk>", 1990]', /entry 1 of the list is 1990/],
  ['with ids that are strings', '{"<unk>": "0", "<eos>": "1"}', /vocab\["<unk>"\] is "0"; ids are whole numbers/],
  ['within another object', '{"word_index": {"a": 1}}', /holds "word_index", which is an object itself/],
  ['that was cut off', '["<unk>","<eos>"', /is not whole JSON/],
  [
    'of a tokenizer with a normalizer',
    lowerCased(),
    /vocabulary: 'normalizer' is \{"type":"Lowercase"\}; this setting/,
  ],
  [
    'that lacks the end of a line',
    'the\n<unk>\n',
    /vocabulary: word tokenizer: the vocabulary lacks <eos>; give the token that ends a line that name/,
  ],
  ['with a word twice', 'the\nthe\n', /"the" has two ids, 0 and 1/],
  ['with a gap in its ids', '{"<unk>": 0, "<eos>": 2}', /ids run from 0 to 1/],
])('a vocabulary %s is refused', (_, contents, message) => {
  expect(() => read(contents)).toThrow(message);
});

test('a file that is not there is refused by name', () => {
  expect(() => readVocabulary(join(root.path, 'absent.txt'))).toThrow(/absent\.txt: does not exist/);
});
