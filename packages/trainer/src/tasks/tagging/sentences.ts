/**
 * Reads tagged sentences in the format of the CoNLL shared tasks: a folder of `train.txt`, `valid.txt` and `test.txt`
 * with a word and its tag on each line and a blank line after each sentence; or a generated sample.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UnrollError } from '../../errors.js';
import type { TaskSplit } from '../task.js';
import { sampleSentences } from './sample-sentences.js';
import type { TaggedSentence } from './sentence.js';

/** The name of the generated sentences, accepted where a path is expected. */
export const SAMPLE = 'sample';

/** Training computes a graph with a part for each word of the longest sentence. */
const longestSentence = 512;

export interface TaggedText {
  readonly sentences: readonly TaggedSentence[];
  /** Lines for the user about what is not read. */
  readonly notices: readonly string[];
}

/**
 * Reads a part of the sentences. Lines of documents, `-DOCSTART-`, separate sentences.
 * @throws UnrollError naming the folder, the file or the line that is wrong
 */
export function readSentences(data: string, split: TaskSplit): TaggedText {
  if (data === SAMPLE) return { sentences: sampleSentences(split), notices: [] };
  if (!existsSync(data) || !statSync(data).isDirectory()) {
    throw new UnrollError(`${data}: no such folder; give one with train.txt, valid.txt and test.txt, or '${SAMPLE}'`);
  }
  const path = join(data, `${split}.txt`);
  if (!existsSync(path)) {
    throw new UnrollError(`${data}: has no ${split}.txt; give the ${split} part in it, a word and its tag a line`);
  }
  return parseSentences(textOf(path), path);
}

/**
 * Parses the text of a file.
 * @param path its name, for messages
 * @throws UnrollError naming the line that is wrong
 */
export function parseSentences(text: string, path: string): TaggedText {
  const sentences: TaggedSentence[] = [];
  let words: string[] = [];
  let tags: string[] = [];
  let columns: { readonly count: number; readonly line: number } | undefined;
  const endSentence = () => {
    if (words.length > 0) sentences.push({ words, tags });
    [words, tags] = [[], []];
  };
  for (const [index, content] of text.split(/\r\n|\n|\r/).entries()) {
    const line = index + 1;
    const values = content.split(/[ \t]+/).filter((value) => value !== '');
    if (values.length === 0 || values[0] === '-DOCSTART-') {
      endSentence();
      continue;
    }
    if (values.length === 1) {
      throw new UnrollError(`${path}:${line}: has no tag; give a word and its tag, with a blank or a tab between them`);
    }
    columns ??= { count: values.length, line };
    if (values.length !== columns.count) {
      throw new UnrollError(
        `${path}:${line}: has ${values.length} columns, line ${columns.line} has ${columns.count}; give every line as many`,
      );
    }
    words.push(values[0]!);
    tags.push(values.at(-1)!);
    if (words.length > longestSentence) {
      throw new UnrollError(
        `${path}:${line}: is word ${words.length} of its sentence; end sentences of at most ${longestSentence} words with a blank line`,
      );
    }
  }
  endSentence();
  if (!columns) throw new UnrollError(`${path}: has no sentences; give a word and its tag on each line`);
  const unused = columns.count - 2;
  const notice = `${path}: the first and the last of ${columns.count} columns are read; ${unused} between them are not used`;
  return { sentences, notices: unused > 0 ? [notice] : [] };
}

/** Decodes a file without its byte-order mark. */
function textOf(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw new UnrollError(`${path}: cannot be read as UTF-8 text (${(error as Error).message})`, { cause: error });
  }
}
