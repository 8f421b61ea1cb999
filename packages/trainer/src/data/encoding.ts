// Token ids of a part of a corpus, as one array.

import type { Tokenizer } from '@unroll/core/text';
import type { CorpusSplit } from './corpus.js';

/** How much text is encoded between two reports of progress, in characters. */
const BLOCK = 2 ** 20;

/**
 * The ids of all texts of `split`, every line ended by the tokenizer's `eosId`, the last one included.
 *
 * @param onProgress told now and then how many of how many bytes are encoded
 * @returns ids, `[tokens]`
 */
export function encodeSplit(
  tokenizer: Tokenizer,
  split: CorpusSplit,
  onProgress: (doneBytes: number, totalBytes: number) => void = () => {},
): Int32Array {
  const blocks: Int32Array[] = [];
  let doneBytes = 0;
  for (const text of split.texts()) {
    for (const block of blocksOfLines(text)) {
      blocks.push(Int32Array.from(tokenizer.encode(block)));
      doneBytes += Buffer.byteLength(block);
      onProgress(Math.min(doneBytes, split.bytes), split.bytes);
    }
  }
  return concatenate(blocks);
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

function concatenate(arrays: readonly Int32Array[]): Int32Array {
  const result = new Int32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    result.set(array, offset);
    offset += array.length;
  }
  return result;
}
