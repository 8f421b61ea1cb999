// UTF-8 text from bytes, or a plain word on what they are instead; and small files as a whole. Files of any size are
// read by text-blocks.ts.

import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { UnrollError } from '../errors.js';

/** The longest string that V8 makes, in characters; a text of fewer bytes always fits. */
export const LONGEST_TEXT = 2 ** 29 - 24;

/**
 * The text of a file, without a byte order mark.
 *
 * @throws UnrollError naming the file if it is empty, too large for one string, holds NUL bytes or is not UTF-8
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
 * The text of some bytes of a file, a byte order mark included.
 *
 * @param offset where in the file `bytes` begin
 * @throws UnrollError naming the file if they hold NUL or are not UTF-8
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

/** What to throw for a file without text. */
export function emptyFile(path: string): UnrollError {
  return new UnrollError(`${path}: is empty; give a file with text`);
}
