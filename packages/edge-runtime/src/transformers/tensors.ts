/** The integer tensors that exported transformers take, for a batch of one text. */
import type { Tensor } from 'onnxruntime-common';
import type { OnnxRuntime } from '../runtime/session.js';

/** Converts `values` to int64 [1, values]. */
export function rowOf(ort: OnnxRuntime, values: readonly number[]): Tensor {
  return new ort.Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
}

/** @throws RangeError if a text, including its special tokens, has more than `most` tokens */
export function checkLength(length: number, most: number): void {
  if (length <= most) return;
  throw new RangeError(`${length} tokens, special ones included: the model reads at most ${most}; shorten the text`);
}
