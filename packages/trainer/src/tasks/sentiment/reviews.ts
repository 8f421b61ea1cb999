/** Reads labelled reviews: a folder with a `.neg` and a `.pos` file, one review per line, or the embedded sample. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { splitPunctuation } from '@unroll/core/text';
import { UnrollError } from '../../errors.js';
import { namesInFolder } from '../../files/folder-names.js';
import type { TaskSplit } from '../task.js';
import type { Review } from './review.js';
import { sampleReviews } from './sample-reviews.js';

/** The name of the embedded reviews, accepted where a path is expected. */
export const SAMPLE = 'sample';

export const labels = ['negative', 'positive'] as const;

/**
 * Reads a part of the reviews. In every ten lines of each file, the first is for test, the second for validation, the
 * others for training. Texts are in lower case, with punctuation separated.
 * @throws UnrollError naming the folder, the file or the line that is wrong
 */
export function readReviews(data: string, split: TaskSplit): Review[] {
  if (data === SAMPLE) return partOf(sampleReviews(), split);
  if (!existsSync(data) || !statSync(data).isDirectory()) {
    throw new UnrollError(`${data}: no such folder; give one with a .neg and a .pos file, or '${SAMPLE}'`);
  }
  return ['.neg', '.pos'].flatMap((ending, label) =>
    partOf(
      linesOf(fileWith(data, ending)).map((text) => ({ text, label })),
      split,
    ),
  );
}

function partOf(reviews: readonly Review[], split: TaskSplit): Review[] {
  const partOfLine = (line: number): TaskSplit => (line % 10 === 0 ? 'test' : line % 10 === 1 ? 'valid' : 'train');
  return reviews.filter((_, line) => partOfLine(line) === split);
}

function fileWith(folder: string, ending: string): string {
  const found = namesInFolder(folder).names.filter((name) => name.endsWith(ending));
  if (found.length === 1) return join(folder, found[0]!);
  const what = found.length === 0 ? `no ${ending} file` : `${found.length} ${ending} files`;
  throw new UnrollError(`${folder}: has ${what}; it needs one .neg and one .pos file, a review a line`);
}

function linesOf(path: string): string[] {
  const lines = splitLines(readFileSync(path)).map((line) => splitPunctuation(decoded(line)));
  if (lines.length < 10) throw new UnrollError(`${path}: has ${lines.length} lines; the three parts need at least 10`);
  const empty = lines.indexOf('');
  if (empty !== -1) throw new UnrollError(`${path}:${empty + 1}: is empty; each line is a review`);
  return lines;
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0x0a, start);
    lines.push(bytes.subarray(start, end === -1 ? bytes.length : end));
    start = end === -1 ? bytes.length : end + 1;
  }
  return lines;
}

/** Decodes a line: some lines of the published files are UTF-8, others Latin-1. */
function decoded(line: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line);
  } catch {
    return new TextDecoder('windows-1252').decode(line);
  }
}
