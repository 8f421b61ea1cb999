// Finds the training, validation and test text of a corpus: the embedded one by its name, a folder by the names of its
// files, or a single file that is cut in three. Text is read in blocks; token ids are encoding.ts's affair.

import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UnrollError } from '../errors.js';
import { EMBEDDED_CORPUS } from './embedded-corpus.js';
import { GRAMMAR_CORPUS_DEFAULTS, grammarCorpus } from './grammar/grammar-corpus.js';
import { isJsonLines, textOfJsonLines } from './json-lines.js';
import { type ByteRange, textBlocks } from './text-blocks.js';

/** One part of a corpus. */
export interface CorpusSplit {
  /** Where it lies: files that hold it and nothing else, or one file of which it is a part; none if it is embedded. */
  readonly files: readonly string[];
  /** Its size in bytes of UTF-8. */
  readonly bytes: number;
  /** The text of each of its files, as `texts` gives it. */
  readonly shards: readonly Iterable<string>[];
  /** Its text, piece by piece, each made of whole lines; no more than a piece is in memory. */
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

/** `ptb.train.txt`, `wiki.valid.tokens`, `dev.jsonl`, `train-00001-of-00100`, or a folder `train`. */
const SPLIT_FILE =
  /^(?:ptb\.|wiki\.)?(?:(?<train>train)|(?<valid>valid|validation|val|dev)|(?<test>test))(?<shard>[-.]\d+(?:-of-\d+)?)?(?:\.(?:txt|tokens|raw|jsonl))?$/;

/** The folders of the One Billion Word Benchmark (Chelba et al. 2013) in its archive. */
const BILLION_WORDS = {
  train: 'training-monolingual.tokenized.shuffled',
  heldOut: 'heldout-monolingual.tokenized.shuffled',
};

/** How much of a text without its own validation and test part is for training, and where the test part starts. */
const TRAIN_END = 0.9;
const VALID_END = 0.95;

/**
 * The corpus at `pathOrName`: `grammar` for the embedded one; a folder with a training, a validation and a test part
 * (`ptb.train.txt`, `wiki.train.tokens`, `train.txt`, `train.jsonl`; `valid`, `val` or `dev`; `test`; a part may be numbered
 * shards or a folder of files), or One Billion Word as it is unpacked; or one file of text or JSON lines, or a folder with a training file alone, of which the first 90 % of the text are for
 * training, the next 5 % for validation and the rest for test.
 *
 * @throws UnrollError naming the path if there is none, or what was found and what is expected if its files are not recognised
 */
export function loadCorpus(pathOrName: string): Corpus {
  if (pathOrName === EMBEDDED_CORPUS) {
    const { train, valid, test } = grammarCorpus(GRAMMAR_CORPUS_DEFAULTS);
    return {
      name: EMBEDDED_CORPUS,
      train: splitOfText(train),
      valid: splitOfText(valid),
      test: splitOfText(test),
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
  if (entries.some(({ name }) => name === BILLION_WORDS.train)) return billionWordsIn(folder);
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

/** As `unroll data fetch` places them: of the held-out shards the first is for test, the second for validation. */
function billionWordsIn(folder: string): Omit<Corpus, 'name'> {
  const heldOut = join(folder, BILLION_WORDS.heldOut);
  const [test, valid] = existsSync(heldOut) ? filesIn(heldOut) : [];
  if (test === undefined || valid === undefined) {
    throw new UnrollError(`${heldOut}: has fewer than two shards; unpack One Billion Word again`);
  }
  const train = filesIn(join(folder, BILLION_WORDS.train));
  return { train: splitOfFiles(train), valid: splitOfFiles([valid]), test: splitOfFiles([test]) };
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
    return filesIn(path);
  });
}

/** The files of a folder, in the order of their names. */
function filesIn(folder: string): string[] {
  const paths = readdirSync(folder)
    .toSorted()
    .map((file) => join(folder, file));
  const inner = paths.find((path) => statSync(path).isDirectory());
  if (inner !== undefined) throw new UnrollError(`${inner}: is a folder; put its files into ${folder}`);
  return paths;
}

function cutInThree(path: string): Omit<Corpus, 'name'> {
  let characters = 0;
  for (const { text } of textBlocks(path)) characters += text.length;
  const trainEnd = lineEnd(path, TRAIN_END * characters);
  const validEnd = lineEnd(path, Math.max(VALID_END * characters, trainEnd.characters));
  const ranges = [
    { start: 0, end: trainEnd.bytes },
    { start: trainEnd.bytes, end: validEnd.bytes },
    { start: validEnd.bytes, end: statSync(path).size },
  ];
  if (ranges.some((range) => isBlank(path, range))) {
    throw new UnrollError(
      `${path}: has too few lines to cut into training, validation and test parts; give three files`,
    );
  }
  const [train, valid, test] = ranges.map((range) =>
    splitOf([path], range.end - range.start, [textsOfFile(path, range)]),
  );
  return { train: train!, valid: valid!, test: test! };
}

/** Where the line that holds the character at `offset` ends, counted in characters and in bytes of the file. */
function lineEnd(path: string, offset: number): { characters: number; bytes: number } {
  const character = Math.floor(offset);
  let characters = 0;
  for (const { text, start } of textBlocks(path)) {
    if (character < characters + text.length) {
      const lineBreak = text.indexOf('\n', character - characters);
      const end = lineBreak === -1 ? text.length : lineBreak + 1;
      return { characters: characters + end, bytes: start + Buffer.byteLength(text.slice(0, end)) };
    }
    characters += text.length;
  }
  return { characters, bytes: statSync(path).size };
}

function isBlank(path: string, range: ByteRange): boolean {
  for (const { text } of textBlocks(path, range)) if (text.trim() !== '') return false;
  return true;
}

function splitOfText(text: string): CorpusSplit {
  return splitOf([], Buffer.byteLength(text), [[text]]);
}

function splitOfFiles(files: readonly string[]): CorpusSplit {
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  return splitOf(
    files,
    bytes,
    files.map((file) => textsOfFile(file)),
  );
}

function splitOf(files: readonly string[], bytes: number, shards: readonly Iterable<string>[]): CorpusSplit {
  return {
    files,
    bytes,
    shards,
    *texts() {
      for (const texts of shards) yield* texts;
    },
  };
}

/** The text of a file, or of a range of it; read anew each time that it is iterated over. */
function textsOfFile(path: string, range?: ByteRange): Iterable<string> {
  return {
    *[Symbol.iterator]() {
      for (const { text } of textBlocks(path, range)) yield isJsonLines(path) ? textOfJsonLines(path, text) : text;
    },
  };
}
