// Reads a file that has to be UTF-8 text, and says plainly what it is instead.

import { readFileSync, statSync } from 'node:fs';
import { UnrollError } from '../errors.js';

/** The longest string that V8 makes, in characters; a file of fewer bytes always fits. */
const LONGEST_TEXT = 2 ** 29 - 24;

/**
 * The text of a file, without a byte order mark.
 *
 * @throws UnrollError naming the file if it is empty, too large for one string, holds NUL bytes or is not UTF-8
 */
export function readTextFile(path: string): string {
  const { size } = statSync(path);
  if (size > LONGEST_TEXT) {
    throw new UnrollError(
      `${path}: has ${size} bytes, more than one text can hold; cut it into train-00000-of-00010.txt, …`,
    );
  }
  const bytes = readFileSync(path);
  const nul = bytes.indexOf(0);
  if (nul !== -1)
    throw new UnrollError(`${path}: is not text (NUL byte at offset ${nul}); is it an archive or UTF-16?`);
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (text.trim() === '') throw new UnrollError(`${path}: is empty; give a file with text`);
    return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UnrollError(`${path}: is not UTF-8; convert it, for example with iconv -f latin1 -t utf-8`, {
      cause: error,
    });
  }
}
