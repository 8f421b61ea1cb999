// A text file of any size, read in blocks of whole lines: no more than a block, or the longest line, is in memory.

import { closeSync, openSync, readSync } from 'node:fs';
import { UnrollError } from '../errors.js';
import { decodeText, emptyFile, LONGEST_TEXT } from './text-file.js';

/** How much is read at once, in bytes. What comes of so little dies young: of blocks of 1 MiB, garbage would pile up. */
const BLOCK_BYTES = 2 ** 16;
const LINE_BREAK = 0x0a;
const BYTE_ORDER_MARK = '\uFEFF';

/** A part of a file, in bytes: from `start` up to and without `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface TextBlock {
  /** Whole lines; only the last line of a file may lack its line break. */
  readonly text: string;
  /** Where the text begins in the file, in bytes. */
  readonly start: number;
}

/**
 * The text of a file, or of a range of it that begins and ends with lines, block by block, without a byte order mark.
 *
 * @throws UnrollError naming the file if it holds NUL bytes, is not UTF-8, has a line too long for a string, or, read as a
 *   whole, is blank
 */
export function* textBlocks(path: string, range?: ByteRange): Generator<TextBlock, void, undefined> {
  const file = openSync(path, 'r');
  try {
    let blank = true;
    for (const { bytes, start } of lineBlocks(path, file, range ?? { start: 0, end: Number.POSITIVE_INFINITY })) {
      const text = decodeText(path, bytes, start);
      blank &&= text.trim() === '';
      if (start === 0 && text.startsWith(BYTE_ORDER_MARK)) {
        yield { text: text.slice(1), start: Buffer.byteLength(BYTE_ORDER_MARK) };
      } else {
        yield { text, start };
      }
    }
    if (blank && !range) throw emptyFile(path);
  } finally {
    closeSync(file);
  }
}

/** Bytes that end with a line break, or with the range. A block is overwritten when the next one is asked for. */
function* lineBlocks(path: string, file: number, { start, end }: ByteRange) {
  let buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  let unfinished = 0; // bytes of a line at the beginning of `buffer`, whose end is not read yet
  let position = start;
  for (;;) {
    if (unfinished === buffer.length) buffer = Buffer.concat([buffer], longerLine(path, buffer.length));
    const count = readSync(file, buffer, unfinished, Math.min(buffer.length - unfinished, end - position), position);
    const filled = unfinished + count;
    const bytes = buffer.subarray(0, count === 0 ? filled : buffer.subarray(0, filled).lastIndexOf(LINE_BREAK) + 1);
    if (bytes.length > 0) yield { bytes, start: position - unfinished };
    if (count === 0) return;
    buffer.copyWithin(0, bytes.length, filled);
    unfinished = filled - bytes.length;
    position += count;
  }
}

/** The size of a buffer for a line that did not fit into one of `bytes`. */
function longerLine(path: string, bytes: number): number {
  if (bytes < LONGEST_TEXT) return Math.min(2 * bytes, LONGEST_TEXT);
  throw new UnrollError(`${path}: has a line of more than ${bytes} bytes; break it into lines`);
}
