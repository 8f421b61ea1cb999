// Finds the training, validation and test text of a corpus: the embedded one by its name, a folder by the names of its
// files, or a single file that is cut in three. It reads text; token ids are encoding.ts's affair.

import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UnrollError } from '../errors.js';
import { GRAMMAR_CORPUS_DEFAULTS, grammarCorpus } from './grammar/grammar-corpus.js';
import { readTextFile } from './text-file.js';

/** The name that stands for the embedded corpus where a path is expected. */
export const EMBEDDED_CORPUS = 'grammar';

/** One part of a corpus. */
export interface CorpusSplit {
  /** Where it lies: files that hold it and nothing else, or one file of which it is a part; none if it is embedded. */
  readonly files: readonly string[];
  /** Its size in bytes of UTF-8. */
  readonly bytes: number;
  /** Its text, piece by piece, each made of whole lines; a file is read when its turn comes. */
  texts(): Iterable<string>;
}

export interface Corpus {
  /** What to call it: `grammar`, or the last part of its path. */
  readonly name: string;
  readonly train: CorpusSplit;
  readonly valid: CorpusSplit;
  readonly test: CorpusSplit;
}

type SplitName = 'train' | 'valid' | 'test';

/** `ptb.train.txt`, `wiki.valid.tokens`, `dev.txt`, `train-00001-of-00100`, or a folder `train`. */
const SPLIT_FILE =
  /^(?:ptb\.|wiki\.)?(?:(?<train>train)|(?<valid>valid|validation|val|dev)|(?<test>test))(?<shard>[-.]\d+(?:-of-\d+)?)?(?:\.(?:txt|tokens|raw))?$/;

/** How much of a text without its own validation and test part is for training, and where the test part starts. */
const TRAIN_END = 0.9;
const VALID_END = 0.95;

/**
 * The corpus at `pathOrName`: `grammar` for the embedded one; a folder with a training, a validation and a test part
 * (`ptb.train.txt`, `wiki.train.tokens`, `train.txt`; `valid`, `val` or `dev`; `test`; a part may be numbered shards or a
 * folder of files); or one text file, or a folder with a training file alone, of which the first 90 % of the text are for
 * training, the next 5 % for validation and the rest for test.
 *
 * @throws UnrollError naming the path if there is none, or what was found and what is expected if its files are not recognised
 */
export function loadCorpus(pathOrName: string): Corpus {
  if (pathOrName === EMBEDDED_CORPUS) {
    const { train, valid, test } = grammarCorpus(GRAMMAR_CORPUS_DEFAULTS);
    return {
      name: EMBEDDED_CORPUS,
      train: splitOfText(train, []),
      valid: splitOfText(valid, []),
      test: splitOfText(test, []),
    };
  }
  if (!existsSync(pathOrName)) {
    throw new UnrollError(
      `${pathOrName}: no such file or folder; give a corpus, or "${EMBEDDED_CORPUS}" for the embedded one`,
    );
  }
  const name = basename(resolve(pathOrName));
  return statSync(pathOrName).isDirectory()
    ? { name, ...splitsOfFolder(pathOrName) }
    : { name, ...cutInThree(pathOrName) };
}

function splitsOfFolder(folder: string): Omit<Corpus, 'name'> {
  const entries = readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const train = filesOfSplit(folder, entries, 'train');
  const valid = filesOfSplit(folder, entries, 'valid');
  const test = filesOfSplit(folder, entries, 'test');
  if (train.length === 1 && valid.length === 0 && test.length === 0) return cutInThree(train[0]!);
  const missing = Object.entries({ training: train, validation: valid, test }).find(([, files]) => files.length === 0);
  if (missing !== undefined) {
    const found = entries.length === 0 ? 'nothing' : entries.map((entry) => entry.name).join(', ');
    throw new UnrollError(
      `${folder}: no ${missing[0]} file; found ${found}; expected train.txt, valid.txt and test.txt, ptb.*.txt, wiki.*.tokens or train.txt alone`,
    );
  }
  return { train: splitOfFiles(train), valid: splitOfFiles(valid), test: splitOfFiles(test) };
}

/** The files of one part: one file, or numbered shards, or what is in the folder of that name. */
function filesOfSplit(folder: string, entries: readonly Dirent[], split: SplitName): string[] {
  const matches = entries
    .map((entry) => ({ entry, groups: SPLIT_FILE.exec(entry.name)?.groups }))
    .filter(({ groups }) => groups?.[split] !== undefined);
  if (matches.length > 1 && matches.some(({ groups }) => groups?.shard === undefined)) {
    const names = matches.map(({ entry }) => entry.name).join(' and ');
    throw new UnrollError(`${folder}: ${names} could each be the ${split} part; leave one`);
  }
  return matches.flatMap(({ entry }) => {
    const path = join(folder, entry.name);
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .toSorted()
      .map((file) => join(path, file));
  });
}

function cutInThree(path: string): Omit<Corpus, 'name'> {
  const text = readTextFile(path);
  const trainEnd = lineEnd(text, TRAIN_END * text.length);
  const validEnd = lineEnd(text, Math.max(VALID_END * text.length, trainEnd));
  const parts = [text.slice(0, trainEnd), text.slice(trainEnd, validEnd), text.slice(validEnd)];
  if (parts.some((part) => part.trim() === '')) {
    throw new UnrollError(
      `${path}: has too few lines to cut into training, validation and test parts; give three files`,
    );
  }
  const [train, valid, test] = parts.map((part) => splitOfText(part, [path]));
  return { train: train!, valid: valid!, test: test! };
}

/** Where the line that holds the character at `offset` ends. */
function lineEnd(text: string, offset: number): number {
  const lineBreak = text.indexOf('\n', Math.floor(offset));
  return lineBreak === -1 ? text.length : lineBreak + 1;
}

function splitOfText(text: string, files: readonly string[]): CorpusSplit {
  return { files, bytes: Buffer.byteLength(text), texts: () => [text] };
}

function splitOfFiles(files: readonly string[]): CorpusSplit {
  return {
    files,
    bytes: files.reduce((sum, file) => sum + statSync(file).size, 0),
    *texts() {
      for (const file of files) yield readTextFile(file);
    },
  };
}
