/**
 * Encodes values as bfloat16: the upper half of a float32, rounded to nearest, ties to even. The relative error is at
 * most 1/256.
 */
import type { NumberFormat } from './number-format.js';

export const bfloat16Format: NumberFormat = {
  tag: 2,
  bytesOf: (count) => 2 * count,
  write: (block, bytes) => {
    const bits = bitsOf(block);
    for (let i = 0; i < bits.length; i++) {
      const rounded = (bits[i]! + 0x7fff + ((bits[i]! >>> 16) & 1)) >>> 16;
      bytes[2 * i] = rounded & 0xff;
      bytes[2 * i + 1] = rounded >>> 8;
    }
  },
  read: (bytes, block) => {
    const bits = bitsOf(block);
    for (let i = 0; i < bits.length; i++) bits[i] = ((bytes[2 * i + 1]! << 24) | (bytes[2 * i]! << 16)) >>> 0;
  },
};

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
