// Corpora on disk: real folders and files, and the published ones if they are present.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Tokenizer, trainTokenizer } from '@unroll/core/text';
import { afterAll, describe, expect, test } from 'vitest';
import { type CorpusSplit, loadCorpus } from './corpus.js';
import { encodeSplit } from './encoding.js';
import type { TokenIds } from './token-ids.js';

const root = mkdtempSync(join(tmpdir(), 'unroll-corpus-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;

/** Creates a folder with these files. */
function folder(files: Record<string, string | Uint8Array>): string {
  const path = join(root, `corpus-${folders++}`);
  mkdirSync(path);
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), contents);
  }
  return path;
}

function read(split: CorpusSplit): string[] {
  return [...split.texts()];
}

function idsOf(text: TokenIds): number[] {
  return [...text.slice(0, text.length)];
}

describe('a folder', () => {
  test.each([
    ['ptb.train.txt', 'ptb.valid.txt', 'ptb.test.txt'],
    ['wiki.train.tokens', 'wiki.valid.tokens', 'wiki.test.tokens'],
    ['wiki.train.raw', 'wiki.valid.raw', 'wiki.test.raw'],
    ['train.txt', 'valid.txt', 'test.txt'],
    ['train.txt', 'val.txt', 'test.txt'],
    ['train', 'dev', 'test'],
  ])('is recognised by %s, %s and %s', (train, valid, test) => {
    const path = folder({ [train]: 'a\n', [valid]: 'b\n', [test]: 'c\n', 'README.md': 'not text\n' });
    const corpus = loadCorpus(path);
    expect([read(corpus.train), read(corpus.valid), read(corpus.test)]).toEqual([['a\n'], ['b\n'], ['c\n']]);
    expect(corpus.name).toMatch(/^corpus-\d+$/);
    expect(corpus.train.bytes).toBe(2);
  });

  test('may hold a part in numbered shards or in a folder of files, read in the order of their names', () => {
    const held = { 'valid.txt': 'v\n', 'test.txt': 't\n' };
    const shards = folder({ 'train-00001-of-00002.txt': 'b\n', 'train-00000-of-00002.txt': 'a\n', ...held });
    expect(read(loadCorpus(shards).train)).toEqual(['a\n', 'b\n']);
    const files = folder({ 'train/news.en-00002': 'b\n', 'train/news.en-00001': 'a\n', ...held });
    expect(read(loadCorpus(files).train)).toEqual(['a\n', 'b\n']);
  });

  test('may be One Billion Word as it is unpacked: all training shards, the second and the first held-out shard', () => {
    const corpus = loadCorpus(
      folder({
        'training-monolingual.tokenized.shuffled/news.en-00002-of-00100': 'b\n',
        'training-monolingual.tokenized.shuffled/news.en-00001-of-00100': 'a\n',
        'heldout-monolingual.tokenized.shuffled/news.en.heldout-00000-of-00050': 't\n',
        'heldout-monolingual.tokenized.shuffled/news.en.heldout-00001-of-00050': 'v\n',
        'heldout-monolingual.tokenized.shuffled/news.en.heldout-00002-of-00050': 'unused\n',
      }),
    );
    expect([corpus.train, corpus.valid, corpus.test].map(read)).toEqual([['a\n', 'b\n'], ['v\n'], ['t\n']]);
    const incomplete = folder({ 'training-monolingual.tokenized.shuffled/news.en-00001-of-00100': 'a\n' });
    expect(() => loadCorpus(incomplete)).toThrow('heldout-monolingual.tokenized.shuffled: has fewer than two shards');
  });

  test('may hold JSON lines: strings, or objects with a text, one of which may be several lines', () => {
    const held = { 'valid.jsonl': '"v"\n', 'test.jsonl': '"t"\n' };
    const lines = '{"id": 1, "text": "a b"}\n\n"c\\nd"';
    expect(read(loadCorpus(folder({ 'train.jsonl': lines, ...held })).train)).toEqual(['a b\n', 'c\nd\n']);
    for (const line of ['{"body": "a"}', 'plain text', '7']) {
      const path = folder({ 'train.jsonl': `"a"\n${line}\n`, ...held });
      expect(() => read(loadCorpus(path).train)).toThrow(
        `train.jsonl: the line ${line} is neither a JSON string nor an object with a "text"`,
      );
    }
  });

  test('of parts may hold files that systems and people leave there; they are skipped with a notice', () => {
    const path = folder({
      'train/part-00000': 'a\n',
      'train/part-00001': '',
      'train/part-00002': '\n',
      'train/part-00003': 'b\n',
      'train/part-00003~': 'old\n',
      'train/.DS_Store': Uint8Array.of(0, 1),
      'train/._part-00000': Uint8Array.of(0, 1),
      'train/_SUCCESS': '',
      'train/README': 'about\n',
      'train/.cache/more': 'x\n',
      'valid.txt': 'v\n',
      'test.txt': 't\n',
    });
    symlinkSync('nowhere', join(path, 'train', 'part-00004'));
    const { train, skipped } = loadCorpus(path);
    expect(read(train)).toEqual(['a\n', '\n', 'b\n']);
    expect(skipped).toEqual([
      `${join(path, 'train')}: skipped .DS_Store, ._part-00000, .cache, README, _SUCCESS, part-00001 (empty), part-00003~, part-00004 (a link that leads nowhere)`,
    ]);
  });

  test('whose validation file is a link that leads nowhere is refused with that', () => {
    const path = folder({ 'train.txt': 'a\n', 'test.txt': 't\n' });
    symlinkSync('nowhere', join(path, 'valid.txt'));
    expect(() => loadCorpus(path)).toThrow(
      'no validation file; found test.txt, train.txt, valid.txt (a link that leads nowhere)',
    );
  });

  test('that has folders within the folder of a part is refused', () => {
    const path = folder({ 'train/more/a.txt': 'a\n', 'valid.txt': 'v\n', 'test.txt': 't\n' });
    expect(() => loadCorpus(path)).toThrow('train/more: is a folder; put its files into');
  });

  test('with a training file alone is cut like a single file', () => {
    const corpus = loadCorpus(folder({ 'train.txt': 'line\n'.repeat(100) }));
    expect([corpus.train, corpus.valid, corpus.test].map(({ bytes }) => bytes)).toEqual([455, 25, 20]);
  });

  test('without a training file is refused with what was found and what is expected', () => {
    expect(() => loadCorpus(folder({ 'valid.txt': 'b\n', 'notes.txt': 'c\n' }))).toThrow(
      /corpus-\d+: no training file; found notes.txt, valid.txt; expected train.txt, valid.txt and test.txt/,
    );
    expect(() => loadCorpus(folder({}))).toThrow('no training file; found nothing');
    expect(() => loadCorpus(folder({ 'train.txt': 'a\n', 'test.txt': 'b\n' }))).toThrow('no validation file');
  });

  test('with two training files that are not shards is refused', () => {
    expect(() => loadCorpus(folder({ 'train.txt': 'a\n', 'wiki.train.tokens': 'b\n' }))).toThrow(
      'train.txt and wiki.train.tokens could each be the train part; leave one',
    );
  });
});

describe('a single file', () => {
  test('is cut 90 / 5 / 5 at line ends, and nothing is lost', () => {
    const text = Array.from({ length: 1000 }, (_, i) => `line number ${i}\n`).join('');
    const { train, valid, test } = loadCorpus(join(folder({ 'book.txt': text }), 'book.txt'));
    const parts = [train, valid, test].map((split) => read(split).join(''));
    expect(parts.join('')).toBe(text);
    expect(parts.map((part) => Math.round((100 * part.length) / text.length))).toEqual([90, 5, 5]);
    expect(parts.every((part) => part.endsWith('\n'))).toBe(true);
  });

  test.each([
    ['empty', '', 'is empty; give a file with text'],
    ['blank', ' \n\n', 'is empty; give a file with text'],
    ['a word', 'word', 'has too little text to cut'],
    ['binary', Uint8Array.of(65, 0, 66), 'is not text (NUL byte at offset 1)'],
    ['Latin-1', Uint8Array.of(0x63, 0xe9, 0x0a), 'is not UTF-8'],
  ])('that is %s is refused', (_name, contents, message) => {
    const path = join(folder({ 'book.txt': contents }), 'book.txt');
    expect(() => loadCorpus(path)).toThrow(`${path}: ${message}`);
  });

  test.each([
    ['one line of words', 'words on a single line '.repeat(10_000)],
    ['one line without white space', '春风雨花'.repeat(20_000)],
    ['two lines', `${'first line '.repeat(9_000)}\n${'second line '.repeat(9_000)}\n`],
  ])('of %s is cut 90 / 5 / 5, and nothing is lost', (_, text) => {
    const { train, valid, test } = loadCorpus(join(folder({ 'book.txt': text }), 'book.txt'));
    const parts = [train, valid, test].map((split) => read(split).join(''));
    expect(parts.join('')).toBe(text);
    expect(parts.map((part) => Math.round((100 * part.length) / text.length))).toEqual([90, 5, 5]);
  });

  test.skipIf(process.platform === 'win32')('that is a pipe is refused: it can be read but once', () => {
    const path = join(folder({}), 'pipe');
    execFileSync('mkfifo', [path]);
    expect(() => loadCorpus(path)).toThrow(`${path}: is neither a file nor a folder`);
  });

  test('that does not exist is refused with a way out', () => {
    expect(() => loadCorpus('/nowhere/book.txt')).toThrow(
      '/nowhere/book.txt: no such file or folder; give a corpus, or "grammar" for the embedded one',
    );
  });
});

describe('encoding', () => {
  test('ends every line, the last one too', () => {
    const { train } = loadCorpus(folder({ 'train.txt': 'a b\nc', 'valid.txt': 'a\n', 'test.txt': 'a\n' }));
    const tokenizer = trainTokenizer('word', train.texts());
    expect(idsOf(encodeSplit(tokenizer, train)).map((id) => tokenizer.token(id))).toEqual([
      'a',
      'b',
      '<eos>',
      'c',
      '<eos>',
    ]);
  });

  test.each<[Tokenizer['kind'], string]>([
    ['word', 'some words, and more '],
    ['char', 'größer als 🌍 '],
    ['bpe', "it's  a line\tof words, and more "],
  ])('by %s gives a long line the ids that it has as a whole', (kind, words) => {
    const text = words.repeat(12_000).trim();
    const { train } = loadCorpus(folder({ 'train.txt': text, 'valid.txt': 'a\n', 'test.txt': 'a\n' }));
    expect(read(train).length).toBeGreaterThan(3);
    const tokenizer = trainTokenizer(kind, train.texts(), { vocabSize: 300 });
    expect(tokenizer.toJSON()).toEqual(trainTokenizer(kind, text, { vocabSize: 300 }).toJSON());
    expect(idsOf(encodeSplit(tokenizer, train))).toEqual([...tokenizer.encode(text), tokenizer.eosId]);
  });

  test('takes a fingerprint that tells other words, and another division into files', () => {
    const held = { 'valid.txt': 'a\n', 'test.txt': 'a\n' };
    const one = loadCorpus(folder({ 'train/1': 'a b\n', 'train/2': 'c\n', ...held })).train;
    const tokenizer = trainTokenizer('word', one.texts());
    const print = (files: Record<string, string>) =>
      encodeSplit(tokenizer, loadCorpus(folder({ ...files, ...held })).train).fingerprint;
    const { sha256 } = print({ 'train/1': 'a b\n', 'train/2': 'c\n' });
    expect(print({ 'train/a': 'a b', 'train/b': 'c' })).toEqual({ sha256, tokens: 5, unknown: 0 });
    expect(print({ 'train/1': 'a b\nc\n', 'train/2': ' \n' }).sha256).not.toBe(sha256);
    expect(print({ 'train/1': 'a b\n', 'train/2': 'd\n' })).toMatchObject({ tokens: 5, unknown: 1 });
  });

  test('gives the same ids for a text that is encoded in several blocks', () => {
    const text = 'some words on a line\n'.repeat(120_000);
    const tokenizer = trainTokenizer('word', text);
    const { train } = loadCorpus(folder({ 'train.txt': text, 'valid.txt': 'a\n', 'test.txt': 'a\n' }));
    const ids = idsOf(encodeSplit(tokenizer, train));
    expect(ids).toHaveLength(720_000);
    expect(ids.every((id, place) => id === ids[place % 6])).toBe(true);
  });
});

test('the embedded corpus has all three parts, and words for all of them', () => {
  const corpus = loadCorpus('grammar');
  const tokenizer = trainTokenizer('word', corpus.train.texts());
  expect(encodeSplit(tokenizer, corpus.train).length).toBeGreaterThanOrEqual(400_000);
  for (const split of [corpus.valid, corpus.test]) {
    expect(idsOf(encodeSplit(tokenizer, split))).not.toContain(tokenizer.unkId);
  }
});

describe('published corpora', () => {
  const data = process.env.UNROLL_DATA ?? '../shared/data';
  const present = (path: string) => existsSync(join(data, path));
  const timeout = 3_600_000; // the largest are read from a slow disk, by one core

  test.skipIf(!present('kjv'))('the King James Bible has its 8344 words and 856470 training tokens', () => {
    const { train, valid, test } = loadCorpus(join(data, 'kjv'));
    const tokenizer = trainTokenizer('word', train.texts());
    expect(tokenizer.vocabSize).toBe(8344);
    expect([train, valid, test].map((split) => encodeSplit(tokenizer, split).length)).toEqual([
      856_470, 44_201, 45_570,
    ]);
  });

  test.for([
    { file: 'ptb/ptb.valid.txt', tokens: 73_760 },
    { file: 'ptb/ptb.test.txt', tokens: 82_430 },
    { file: 'wikitext-2/valid.txt', tokens: 217_646 },
    { file: 'wikitext-2/test.txt', tokens: 245_569 },
  ])('$file has its $tokens tokens, an <eos> a line among them', ({ file, tokens }, { skip }) => {
    skip(!present(file), `${join(data, file)} is not there`);
    const text = readFileSync(join(data, file));
    const { train } = loadCorpus(folder({ 'train.txt': text, 'valid.txt': 'a\n', 'test.txt': 'a\n' }));
    const tokenizer = trainTokenizer('word', train.texts());
    expect(encodeSplit(tokenizer, train).length).toBe(tokens);
    expect(encodeSplit(tokenizer, train, 0).length).toBe(tokens);
  });

  test.for([
    { name: 'ptb', file: 'ptb.train.txt', words: 10_000, tokens: 929_589 },
    { name: 'wikitext-2', file: 'wiki.train.tokens', words: 33_278, tokens: 2_088_628 },
    { name: 'wikitext-103', file: 'wiki.train.tokens', words: 267_735, tokens: 103_227_021 },
  ])(
    '$name has its $words words and $tokens training tokens',
    { timeout },
    ({ name, file, words, tokens }, { skip }) => {
      skip(!present(join(name, file)), `${join(data, name, file)} is not there`);
      const { train } = loadCorpus(join(data, name));
      const tokenizer = trainTokenizer('word', train.texts());
      expect(tokenizer.vocabSize).toBe(words);
      expect(encodeSplit(tokenizer, train).length).toBe(tokens);
    },
  );

  test('One Billion Word has its 793471 words that occur three times', { timeout }, ({ skip }) => {
    skip(!present('lm1b'), `${join(data, 'lm1b')} is not there`);
    const { vocabSize } = trainTokenizer('word', loadCorpus(join(data, 'lm1b')).train.texts(), { minCount: 3 });
    // The published count includes marks for the beginning and the end of a sentence; <eos> serves as both.
    expect(vocabSize + 1).toBe(793_471);
  });

  test.skipIf(!present('ptb') || present('ptb/ptb.train.txt'))(
    'the Penn Treebank without its training part is refused',
    () => {
      expect(() => loadCorpus(join(data, 'ptb'))).toThrow('ptb: no training file; found SOURCE.md, ptb.test.txt');
    },
  );

  test.skipIf(!present('tinyshakespeare'))('Tiny Shakespeare has 65 characters', () => {
    const { train } = loadCorpus(join(data, 'tinyshakespeare/input.txt'));
    expect(trainTokenizer('char', train.texts()).vocabSize).toBe(65 + 1);
  });
});
