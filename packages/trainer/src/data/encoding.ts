// Encodes a part of a corpus as token ids: in memory if it is small, in a file if it is large.

import type { Tokenizer } from '@unroll/core/text';
import type { CorpusSplit } from './corpus.js';
import { EncodedText } from './encoded-text.js';
import { IdFile } from './id-file.js';
import { lastOf } from './steps.js';
import { cutBefore } from './text-cuts.js';
import { FingerprintTaker } from './text-fingerprint.js';

/** Number of characters encoded at once; a block may reach twice this. */
const BLOCK = 2 ** 16;

/** Texts of more bytes than this have their ids in a file. */
const LARGEST_IN_MEMORY = 2 ** 26;

/**
 * Encodes all texts of `split`. Every line ends with the tokenizer's `eosId`, including the last line of each file.
 *
 * @param largestInMemory the most bytes of text whose ids are kept in memory
 * @throws UnrollError if the folder for temporary files cannot hold them
 */
export function encodeSplit(tokenizer: Tokenizer, split: CorpusSplit, largestInMemory?: number): EncodedText {
  return lastOf(encoding(tokenizer, split, largestInMemory));
}

/** Does {@link encodeSplit} step by step: yields how many bytes of text are encoded. */
export function* encoding(
  tokenizer: Tokenizer,
  split: CorpusSplit,
  largestInMemory = LARGEST_IN_MEMORY,
): Generator<number, EncodedText, undefined> {
  const file = split.bytes > largestInMemory ? new IdFile() : undefined;
  const blocks: Int32Array[] = [];
  const fileEnds: number[] = [];
  const fingerprint = new FingerprintTaker(tokenizer.unkId);
  let length = 0;
  let done = 0;
  for (const texts of split.shards) {
    for (const { text, ids, bytes } of encodedBlocks(tokenizer, texts)) {
      if (file) file.append(ids);
      else blocks.push(ids);
      fingerprint.add(text, ids);
      length += ids.length;
      done += bytes;
      yield Math.min(done, split.bytes);
    }
    fileEnds.push(length);
    fingerprint.endFile();
  }
  return new EncodedText(file ?? concatenate(blocks, length), fileEnds, fingerprint.result());
}

/**
 * Encodes the texts of one file piece by piece and keeps nothing. Yields each piece's ids with its text and its size in
 * bytes of UTF-8. A last line without a line break is ended, too.
 */
export function* encodedBlocks(
  tokenizer: Tokenizer,
  texts: Iterable<string>,
): Generator<{ text: string; ids: Int32Array; bytes: number }, void, undefined> {
  let isLineOpen = false;
  for (const text of texts) {
    for (const block of blocksOf(text)) {
      isLineOpen = !block.endsWith('\n');
      yield { text: block, ids: Int32Array.from(tokenizer.encode(block)), bytes: Buffer.byteLength(block) };
    }
  }
  if (isLineOpen) yield { text: '\n', ids: Int32Array.of(tokenizer.eosId), bytes: 0 };
}

/** Cuts `text` after line breaks; a line longer than a block is cut inside the line. */
function* blocksOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const window = text.slice(start, start + 2 * BLOCK);
    const lineBreak = window.indexOf('\n', BLOCK);
    const isRest = start + window.length === text.length;
    const end = lineBreak !== -1 ? lineBreak + 1 : isRest ? window.length : cutBefore(window, window.length - 1);
    yield window.slice(0, end);
    start += end;
  }
}

function concatenate(arrays: readonly Int32Array[], length: number): Int32Array {
  const result = new Int32Array(length);
  let offset = 0;
  for (const array of arrays) {
    result.set(array, offset);
    offset += array.length;
  }
  return result;
}
