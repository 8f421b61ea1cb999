import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { textBlocks } from './text-blocks.js';

const root = mkdtempSync(join(tmpdir(), 'unroll-blocks-'));
afterAll(() => rmSync(root, { recursive: true }));
const path = join(root, 'text.txt');

function blocksOf(contents: string | Uint8Array) {
  writeFileSync(path, contents);
  return [...textBlocks(path)];
}

test('a file comes in blocks of whole lines that together are its text, and say where they begin', () => {
  const text = Array.from({ length: 150_000 }, (_, line) => `Zeile ${line}: größer als 🌍\n`).join('');
  const blocks = blocksOf(`${text}without a line break`);
  expect(blocks.length).toBeGreaterThan(3);
  expect(blocks.map((block) => block.text).join('')).toBe(`${text}without a line break`);
  let bytes = 0;
  for (const block of blocks) {
    expect(block.start).toBe(bytes);
    bytes += Buffer.byteLength(block.text);
  }
  expect(blocks.slice(0, -1).every((block) => block.text.endsWith('\n'))).toBe(true);
});

test.each([
  ['of words', 'Wörter 🌍 und mehr ', /\S$/],
  ['without white space', '春风雨🌍', /[春风雨🌍]$/u],
])('a line %s that is longer than a block comes in pieces that cut no word or character', (_, words, end) => {
  const line = words.repeat(20_000);
  const blocks = blocksOf(`a\n${line}\nb\n`);
  expect(blocks.length).toBeGreaterThan(4);
  expect(blocks.map(({ text }) => text).join('')).toBe(`a\n${line}\nb\n`);
  let bytes = 0;
  for (const { text, start } of blocks) {
    expect(start).toBe(bytes);
    bytes += Buffer.byteLength(text);
    expect(bytes - start).toBeLessThanOrEqual(2 ** 16);
  }
  for (const { text } of blocks.slice(1, -2)) expect(text).toMatch(end);
});

test('a line longer than a block is read whole if lines must not be cut', () => {
  const line = `${'word '.repeat(700_000)}\n`;
  writeFileSync(path, `a\n${line}b\n`);
  expect([...textBlocks(path, { wholeLines: true })].map(({ text }) => text)).toEqual(['a\n', `${line}b\n`]);
});

test('a byte order mark is not part of the text, but counts in positions', () => {
  expect(blocksOf('\uFEFFa\n')).toEqual([{ text: 'a\n', start: 3 }]);
});

test('a range is read alone', () => {
  writeFileSync(path, 'one\ntwo\nthree\n');
  expect([...textBlocks(path, { range: { start: 4, end: 8 } })]).toEqual([{ text: 'two\n', start: 4 }]);
});

test('an error far into a file is found there', () => {
  const lines = 'some words\n'.repeat(200_000);
  expect(() => blocksOf(`${lines}\0\n`)).toThrow(`${path}: is not text (NUL byte at offset ${lines.length})`);
  expect(() => blocksOf(Buffer.concat([Buffer.from(lines), Buffer.of(0xe9, 0x0a)]))).toThrow(
    `${path}: is not UTF-8; convert it`,
  );
});
