// Finds the training, validation and test text of a corpus: the embedded one by its name, a folder by the names of its
// files, or a single file that is cut in three. Text is read in blocks; encoding.ts turns it into token ids.

import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UnrollError } from '../errors.js';
import { namesInFolder, reasonToSkip } from '../files/folder-names.js';
import { EMBEDDED_CORPUS } from './embedded-corpus.js';
import { GRAMMAR_CORPUS_DEFAULTS, grammarCorpus } from './grammar/grammar-corpus.js';
import { isJsonLines, textOfJsonLines } from './json-lines.js';
import { type ByteRange, textBlocks } from './text-blocks.js';
import { betweenCharacters, spaceAfter } from './text-cuts.js';

/** One part of a corpus. */
export interface CorpusSplit {
  /** Files that hold this part alone, or one file that contains it; empty for the embedded corpus. */
  readonly files: readonly string[];
  /** Its size in bytes of UTF-8. */
  readonly bytes: number;
  /** The text of each file, in the same pieces as `texts`. */
  readonly shards: readonly Iterable<string>[];
  /** Yields the text piece by piece: whole lines, or a piece of a long line. Only one piece is in memory at a time. */
  texts(): Iterable<string>;
}

export interface Corpus {
  /** A display name: `grammar`, or the last part of the path. */
  readonly name: string;
  readonly train: CorpusSplit;
  readonly valid: CorpusSplit;
  readonly test: CorpusSplit;
  /** Lines for the user about files that were skipped in folders. */
  readonly skipped: readonly string[];
}

type Splits = Omit<Corpus, 'name'>;

type SplitName = 'train' | 'valid' | 'test';

/** Matches `ptb.train.txt`, `wiki.valid.tokens`, `dev.jsonl`, `train-00001-of-00100`, or a folder `train`. */
const SPLIT_FILE =
  /^(?:ptb\.|wiki\.)?(?:(?<train>train)|(?<valid>valid|validation|val|dev)|(?<test>test))(?<shard>[-.]\d+(?:-of-\d+)?)?(?:\.(?:txt|tokens|raw|jsonl))?$/;

/** The folders of the One Billion Word Benchmark (Chelba et al. 2013) in its archive. */
const BILLION_WORDS = {
  train: 'training-monolingual.tokenized.shuffled',
  heldOut: 'heldout-monolingual.tokenized.shuffled',
};

/** For a text without validation and test parts: the fractions of the text where the training and the validation part end. */
const TRAIN_END = 0.9;
const VALID_END = 0.95;

/**
 * Loads the corpus at `pathOrName`, which is one of:
 * - `grammar`, the embedded corpus;
 * - a folder with a training, a validation and a test part (`ptb.train.txt`, `wiki.train.tokens`, `train.txt`,
 * `train.jsonl`; `valid`, `val` or `dev`; `test`). A part may be numbered shards or a folder of files, in which
 * markers, backups and empty files are skipped;
 * - One Billion Word as unpacked;
 * - one file of text or JSON lines, or a folder with only a training file. The first 90 % of the text are for training,
 * the next 5 % for validation and the rest for test.
 *
 * @throws UnrollError naming the path if there is none, or what was found and what is expected if its files are not
 *   recognised
 */
export function loadCorpus(pathOrName: string): Corpus {
  if (pathOrName === EMBEDDED_CORPUS) {
    const { train, valid, test } = grammarCorpus(GRAMMAR_CORPUS_DEFAULTS);
    return {
      name: EMBEDDED_CORPUS,
      train: splitOfText(train),
      valid: splitOfText(valid),
      test: splitOfText(test),
      skipped: [],
    };
  }
  if (!existsSync(pathOrName)) {
    throw new UnrollError(
      `${pathOrName}: no such file or folder; give a corpus, or "${EMBEDDED_CORPUS}" for the embedded one`,
    );
  }
  const reason = statSync(pathOrName).isDirectory() ? undefined : reasonToSkip(pathOrName);
  if (reason === ' (not a file)') {
    throw new UnrollError(
      `${pathOrName}: is neither a file nor a folder; a text is read several times, so write it into a file`,
    );
  }
  const name = basename(resolve(pathOrName));
  return statSync(pathOrName).isDirectory()
    ? { name, ...splitsOfFolder(pathOrName) }
    : { name, ...cutInThree(pathOrName) };
}

function splitsOfFolder(folder: string): Splits {
  const { names } = namesInFolder(folder);
  if (names.includes(BILLION_WORDS.train)) return billionWordsIn(folder);
  const train = filesOfSplit(folder, names, 'train');
  const valid = filesOfSplit(folder, names, 'valid');
  const test = filesOfSplit(folder, names, 'test');
  if (train.files.length === 1 && valid.files.length === 0 && test.files.length === 0)
    return cutInThree(train.files[0]!);
  const parts = { training: train, validation: valid, test };
  const missing = Object.entries(parts).find(([, { files }]) => files.length === 0);
  if (missing !== undefined) {
    const { names, skipped } = namesInFolder(folder);
    const found = [...names, ...skipped].join(', ') || 'nothing';
    throw new UnrollError(
      `${folder}: no ${missing[0]} file; found ${found}; expected train.txt, valid.txt and test.txt, ptb.*.txt, wiki.*.tokens or train.txt alone`,
    );
  }
  return splitsOf(train, valid, test);
}

/** Assigns the shards as `unroll data fetch` does: the first held-out shard is for test, the second for validation. */
function billionWordsIn(folder: string): Splits {
  const heldOut = join(folder, BILLION_WORDS.heldOut);
  const { files, skipped } = existsSync(heldOut) ? filesIn(heldOut) : { files: [], skipped: [] };
  const [test, valid] = files;
  if (test === undefined || valid === undefined) {
    throw new UnrollError(`${heldOut}: has fewer than two shards; unpack One Billion Word again`);
  }
  const train = filesIn(join(folder, BILLION_WORDS.train));
  return splitsOf(train, { files: [valid], skipped }, { files: [test], skipped: [] });
}

/** The files of one part, and lines about skipped files. */
interface SplitFiles {
  readonly files: readonly string[];
  readonly skipped: readonly string[];
}

function splitsOf(train: SplitFiles, valid: SplitFiles, test: SplitFiles): Splits {
  return {
    train: splitOfFiles(train.files),
    valid: splitOfFiles(valid.files),
    test: splitOfFiles(test.files),
    skipped: [train, valid, test].flatMap(({ skipped }) => skipped),
  };
}

/** Finds the files of one part: one file, numbered shards, or the contents of the folder of that name. */
function filesOfSplit(folder: string, names: readonly string[], split: SplitName): SplitFiles {
  const matches = names
    .map((name) => ({ name, groups: SPLIT_FILE.exec(name)?.groups }))
    .filter(({ groups }) => groups?.[split] !== undefined);
  if (matches.length > 1 && matches.some(({ groups }) => groups?.shard === undefined)) {
    const found = matches.map(({ name }) => name).join(' and ');
    throw new UnrollError(`${folder}: ${found} could each be the ${split} part; leave one`);
  }
  const parts = matches.map(({ name }) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : { files: [path], skipped: [] };
  });
  return { files: parts.flatMap(({ files }) => files), skipped: parts.flatMap(({ skipped }) => skipped) };
}

/** Lists the files of a folder, sorted by name. */
function filesIn(folder: string): SplitFiles {
  const { names, skipped } = namesInFolder(folder);
  const files = names.map((name) => join(folder, name));
  const inner = files.find((path) => statSync(path).isDirectory());
  if (inner !== undefined) throw new UnrollError(`${inner}: is a folder; put its files into ${folder}`);
  return { files, skipped: skipped.length === 0 ? [] : [`${folder}: skipped ${skipped.join(', ')}`] };
}

/** Returns the first index at `from` or after where a part may end, or undefined if the text has none. */
type Boundary = (text: string, from: number) => number | undefined;

const lineEnd: Boundary = (text, from) => {
  const lineBreak = text.indexOf('\n', from);
  return lineBreak === -1 ? undefined : lineBreak + 1;
};

/** In order of preference; the later ones are for texts of very few lines, or of one. */
const boundaries: readonly Boundary[] = [lineEnd, spaceAfter, betweenCharacters];

function cutInThree(path: string): Splits {
  let characters = 0;
  for (const { text } of textBlocks(path)) characters += text.length;
  for (const boundary of isJsonLines(path) ? [lineEnd] : boundaries) {
    const trainEnd = placeAfter(path, TRAIN_END * characters, boundary);
    const validEnd = placeAfter(path, Math.max(VALID_END * characters, trainEnd.characters), boundary);
    const ranges = [
      { start: 0, end: trainEnd.bytes },
      { start: trainEnd.bytes, end: validEnd.bytes },
      { start: validEnd.bytes, end: statSync(path).size },
    ];
    if (ranges.some((range) => isBlank(path, range))) continue;
    const [train, valid, test] = ranges.map((range) =>
      splitOf([path], range.end - range.start, [textsOfFile(path, range)]),
    );
    return { train: train!, valid: valid!, test: test!, skipped: [] };
  }
  throw new UnrollError(
    `${path}: has too little text to cut into training, validation and test parts; give three files`,
  );
}

/** Finds the first boundary at the character `offset` or after. Returns its position in characters and in bytes of the file. */
function placeAfter(path: string, offset: number, boundary: Boundary): { characters: number; bytes: number } {
  const character = Math.floor(offset);
  let characters = 0;
  for (const { text, start } of textBlocks(path)) {
    if (character < characters + text.length) {
      const end = boundary(text, Math.max(0, character - characters));
      if (end !== undefined) {
        return { characters: characters + end, bytes: start + Buffer.byteLength(text.slice(0, end)) };
      }
    }
    characters += text.length;
  }
  return { characters, bytes: statSync(path).size };
}

function isBlank(path: string, range: ByteRange): boolean {
  for (const { text } of textBlocks(path, { range })) if (text.trim() !== '') return false;
  return true;
}

function splitOfText(text: string): CorpusSplit {
  return splitOf([], Buffer.byteLength(text), [[text]]);
}

function splitOfFiles(files: readonly string[]): CorpusSplit {
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  // One of several files may be blank: with a range, `textBlocks` accepts that.
  const range = files.length > 1 ? { start: 0, end: Number.POSITIVE_INFINITY } : undefined;
  return splitOf(
    files,
    bytes,
    files.map((file) => textsOfFile(file, range)),
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

/** Returns the text of a file, or of a range of it. Each iteration reads the file again. */
function textsOfFile(path: string, range?: ByteRange): Iterable<string> {
  return {
    *[Symbol.iterator]() {
      const wholeLines = isJsonLines(path);
      for (const { text } of textBlocks(path, { range, wholeLines })) {
        yield wholeLines ? textOfJsonLines(path, text) : text;
      }
    },
  };
}
