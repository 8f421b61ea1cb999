// Decodes UTF-8 text, with a clear error for other bytes, and reads small files as a whole. text-blocks.ts reads files
// of any size.

import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { UnrollError } from '../errors.js';

/** Length of the longest string in V8, in characters; a text with fewer bytes always fits. */
export const LONGEST_TEXT = 2 ** 29 - 24;

/**
 * Reads the text of a file, without a byte order mark.
 *
 * @throws UnrollError naming the file if it is empty, too large for one string, contains NUL bytes or is not UTF-8
 */
export function readTextFile(path: string): string {
  const { size } = statSync(path);
  if (size > LONGEST_TEXT) {
    throw new UnrollError(`${path}: has ${size} bytes, more than one text can hold; cut it into several files`);
  }
  const text = decodeText(path, readFileSync(path), 0).replace(/^\uFEFF/, '');
  if (text.trim() === '') throw emptyFile(path);
  return text;
}

/**
 * Decodes some bytes of a file, including any byte order mark.
 *
 * @param offset the position of `bytes` in the file
 * @throws UnrollError naming the file if they contain NUL or are not UTF-8
 */
export function decodeText(path: string, bytes: Buffer, offset: number): string {
  const nul = bytes.indexOf(0);
  if (nul !== -1) {
    throw new UnrollError(`${path}: is not text (NUL byte at offset ${offset + nul}); is it an archive or UTF-16?`);
  }
  if (!isUtf8(bytes)) {
    throw new UnrollError(`${path}: is not UTF-8; convert it, for example with iconv -f latin1 -t utf-8`);
  }
  return bytes.toString('utf8');
}

/** Returns the error for a file without text. */
export function emptyFile(path: string): UnrollError {
  return new UnrollError(`${path}: is empty; give a file with text`);
}
