/**
 * Encodes values as bfloat16: the upper half of a float32, rounded to nearest, ties to even. The relative error is at
 * most 1/256.
 */
import { longestBlock, type NumberFormat } from './number-format.js';

/** A block's halves, aligned as those in a message need not be, and their bytes. */
const halves = new Uint16Array(longestBlock);
const bytesOfHalves = new Uint8Array(halves.buffer);

export const bfloat16Format: NumberFormat = {
  tag: 2,
  bytesOf: (count) => 2 * count,
  write: (block, bytes) => {
    const bits = bitsOf(block);
    for (let i = 0; i < bits.length; i++) {
      const value = bits[i]!;
      halves[i] = ((value + 0x7fff + ((value >>> 16) & 1)) | 0) >>> 16;
    }
    bytes.set(bytesOfHalves.subarray(0, bytes.length));
  },
  read: (bytes, block) => {
    bytesOfHalves.set(bytes);
    const bits = bitsOf(block);
    for (let i = 0; i < bits.length; i++) bits[i] = halves[i]! << 16;
  },
};

/** Signed integers, on which engines compute fastest; the bits are those of unsigned ones. */
function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}
