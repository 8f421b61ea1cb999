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

test('a line longer than a block comes whole', () => {
  const line = `${'word '.repeat(700_000)}\n`;
  expect(blocksOf(`a\n${line}b\n`).map(({ text }) => text)).toEqual(['a\n', `${line}b\n`]);
});

test('a byte order mark is no part of the text, but is counted', () => {
  expect(blocksOf('\uFEFFa\n')).toEqual([{ text: 'a\n', start: 3 }]);
});

test('a range is read alone', () => {
  writeFileSync(path, 'one\ntwo\nthree\n');
  expect([...textBlocks(path, { start: 4, end: 8 })]).toEqual([{ text: 'two\n', start: 4 }]);
});

test('what is wrong far into a file is found there', () => {
  const lines = 'some words\n'.repeat(200_000);
  expect(() => blocksOf(`${lines}\0\n`)).toThrow(`${path}: is not text (NUL byte at offset ${lines.length})`);
  expect(() => blocksOf(Buffer.concat([Buffer.from(lines), Buffer.of(0xe9, 0x0a)]))).toThrow(
    `${path}: is not UTF-8; convert it`,
  );
});
