// Reads a text file of any size in blocks of lines. Only one block is in memory, however long a line is.

import { closeSync, openSync, readSync } from 'node:fs';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { cutBefore } from './text-cuts.js';
import { decodeText, emptyFile, LONGEST_TEXT } from './text-file.js';

/** Number of bytes read at once. Small blocks die young; the garbage of blocks of 1 MiB would pile up. */
const BLOCK_BYTES = 2 ** 16;
const LINE_BREAK = 0x0a;
const BYTE_ORDER_MARK = '\uFEFF';

/** A part of a file, in bytes: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface TextBlock {
  /** Whole lines, or a piece of a line that is longer than a block. The last line of a file may lack its line break. */
  readonly text: string;
  /** Position of the text in the file, in bytes. */
  readonly start: number;
}

export interface BlockOptions {
  /** The part of the file to read; all by default. */
  readonly range?: ByteRange | undefined;
  /** Never cuts a line; a long line then takes as much memory as it is long. */
  readonly wholeLines?: boolean;
}

/**
 * Yields the text of a file, or of a range of it, block by block, without a byte order mark.
 *
 * @throws UnrollError naming the file if it cannot be read, contains NUL bytes, is not UTF-8 or, when read as a whole,
 *   is blank; with `wholeLines`, also if a line is too long for a string
 */
export function* textBlocks(path: string, options: BlockOptions = {}): Generator<TextBlock, void, undefined> {
  const { range, wholeLines = false } = options;
  const longLine = wholeLines ? 'grow' : 'cut';
  const file = openToRead(path);
  try {
    let blank = true;
    for (const { bytes, start } of lineBlocks(
      path,
      file,
      range ?? { start: 0, end: Number.POSITIVE_INFINITY },
      longLine,
    )) {
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

function openToRead(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new UnrollError(`${path}: cannot be read: ${fileErrorReason(error)}`);
  }
}

/**
 * Yields bytes that end with a line break or with the range. If long lines are cut, a block may also end inside a line
 * that is longer than a block. The next block overwrites this one.
 */
function* lineBlocks(path: string, file: number, { start, end }: ByteRange, longLine: 'cut' | 'grow') {
  let buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  let unfinished = 0; // bytes at the beginning of `buffer` of a line whose end is not read yet
  let position = start;
  for (;;) {
    if (unfinished === buffer.length && longLine === 'cut') {
      const bytes = buffer.subarray(0, pieceOfLine(path, buffer, position - unfinished));
      yield { bytes, start: position - unfinished };
      buffer.copyWithin(0, bytes.length);
      unfinished -= bytes.length;
    }
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

/**
 * Returns how many of these bytes, the beginning of a line, make one piece.
 * @param start their position in the file
 */
function pieceOfLine(path: string, bytes: Buffer, start: number): number {
  const text = decodeText(path, bytes.subarray(0, wholeCharacters(bytes)), start);
  return Buffer.byteLength(text.slice(0, cutBefore(text, text.length - 1)));
}

/** Returns how many of the bytes are whole UTF-8 characters; all of them if they are not UTF-8, which is detected elsewhere. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 4; back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Returns the buffer size for a line that did not fit into `bytes`. */
function longerLine(path: string, bytes: number): number {
  if (bytes < LONGEST_TEXT) return Math.min(2 * bytes, LONGEST_TEXT);
  throw new UnrollError(`${path}: has a line of more than ${bytes} bytes; break it into lines`);
}
