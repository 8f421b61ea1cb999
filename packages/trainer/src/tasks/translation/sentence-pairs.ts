/** Reads sentence pairs: a folder of parallel files, one sentence per line, or the embedded sample. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UnrollError } from '../../errors.js';
import { namesInFolder } from '../../files/folder-names.js';
import { gunzip } from '../../files/inflate.js';
import type { TaskSplit } from '../task.js';
import { samplePairs } from './sample-pairs.js';
import type { SentencePair } from './sentence-pair.js';

/** The name of the embedded sentences, accepted where a path is expected. */
export const SAMPLE = 'sample';

const filePrefixes: Readonly<Record<TaskSplit, RegExp>> = {
  train: /^train/,
  valid: /^(?:val|valid|dev)/,
  test: /^test/,
};

/**
 * Reads a part of the sentence pairs in a folder whose name ends with the two languages, `…-en-de`. Its files are
 * `train.en` and `train.de`, `val.*`, `test.*`, perhaps with more in the middle and `.gz` at the end.
 * @throws UnrollError naming the folder, the file or the line that is wrong
 */
export function readPairs(data: string, split: TaskSplit): SentencePair[] {
  if (data === SAMPLE) return samplePairs(split);
  if (!existsSync(data) || !statSync(data).isDirectory()) {
    throw new UnrollError(`${data}: no such folder; give one of parallel files, or '${SAMPLE}'`);
  }
  const languages = /(?:^|[-_.])(?<from>[a-z]{2,3})-(?<to>[a-z]{2,3})$/.exec(basename(resolve(data)))?.groups;
  if (!languages) {
    throw new UnrollError(
      `${data}: its name does not end with two languages, as corpus-en-de does; rename it or link to it`,
    );
  }
  const sourceFile = fileOf(data, split, languages.from!);
  const targetFile = fileOf(data, split, languages.to!);
  const sources = linesOf(sourceFile);
  const targets = linesOf(targetFile);
  if (sources.length !== targets.length) {
    throw new UnrollError(
      `${targetFile}: has ${targets.length} lines, ${sourceFile} ${sources.length}; each line translates the one beside it`,
    );
  }
  return sources.map((source, k) => ({ source, target: targets[k]!, place: `${sourceFile}:${k + 1}` }));
}

function fileOf(folder: string, split: TaskSplit, language: string): string {
  const ending = new RegExp(`\\.${language}(?:\\.gz)?$`);
  const found = namesInFolder(folder).names.filter((name) => filePrefixes[split].test(name) && ending.test(name));
  if (found.length === 1) return join(folder, found[0]!);
  const what = found.length === 0 ? 'none' : found.join(' and ');
  throw new UnrollError(`${folder}: needs one file of the ${split} part in '${language}', found ${what}`);
}

function linesOf(path: string): string[] {
  const lines = textOf(path).replace(/\n$/, '').split('\n');
  const empty = lines.findIndex((line) => line.trim() === '');
  if (empty !== -1) throw new UnrollError(`${path}:${empty + 1}: is empty; each line is a sentence`);
  return lines.map((line) => line.trim());
}

function textOf(path: string): string {
  try {
    const bytes = readFileSync(path);
    return new TextDecoder('utf-8', { fatal: true }).decode(path.endsWith('.gz') ? gunzip(bytes) : bytes);
  } catch (error) {
    throw new UnrollError(`${path}: cannot be read as UTF-8 text (${(error as Error).message})`, { cause: error });
  }
}
