// Token ids of a part of a corpus: in memory if it is small, in a file if it is not.

import type { Tokenizer } from '@unroll/core/text';
import type { CorpusSplit } from './corpus.js';
import { EncodedText } from './encoded-text.js';
import { IdFile } from './id-file.js';

/** How much text is encoded at once, in characters. */
const BLOCK = 2 ** 16;

/** The ids of texts of more bytes lie in a file. */
const LARGEST_IN_MEMORY = 2 ** 26;

/**
 * The ids of all texts of `split`, every line ended by the tokenizer's `eosId`, the last one of each file included.
 *
 * @param largestInMemory the most bytes of text whose ids are kept in memory
 * @throws UnrollError if the folder for temporary files cannot hold them
 */
export function encodeSplit(
  tokenizer: Tokenizer,
  split: CorpusSplit,
  largestInMemory = LARGEST_IN_MEMORY,
): EncodedText {
  const file = split.bytes > largestInMemory ? new IdFile() : undefined;
  const blocks: Int32Array[] = [];
  const fileEnds: number[] = [];
  let length = 0;
  for (const texts of split.shards) {
    for (const { ids } of encodedBlocks(tokenizer, texts)) {
      if (file) file.append(ids);
      else blocks.push(ids);
      length += ids.length;
    }
    fileEnds.push(length);
  }
  return new EncodedText(file ?? concatenate(blocks, length), fileEnds);
}

/** The ids of `texts`, piece by piece, each with the bytes of UTF-8 that it was; nothing is kept. */
export function* encodedBlocks(
  tokenizer: Tokenizer,
  texts: Iterable<string>,
): Generator<{ ids: Int32Array; bytes: number }, void, undefined> {
  for (const text of texts) {
    for (const block of blocksOfLines(text)) {
      yield { ids: Int32Array.from(tokenizer.encode(block)), bytes: Buffer.byteLength(block) };
    }
  }
}

/** Cuts `text` after line breaks; the last block gets a line break if it has none. */
function* blocksOfLines(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const lineBreak = text.indexOf('\n', start + BLOCK);
    const end = lineBreak === -1 ? text.length : lineBreak + 1;
    const block = text.slice(start, end);
    yield block.endsWith('\n') ? block : `${block}\n`;
    start = end;
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
