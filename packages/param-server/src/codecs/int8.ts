/**
 * Encodes a block of values as multiples, -127 to 127, of a float32 unit per block: 1/127 of its greatest magnitude.
 */
import type { NumberFormat } from './number-format.js';

const greatest = 127;

export const int8Format: NumberFormat = {
  tag: 3,
  bytesOf: (count) => 4 + count,
  write: (block, bytes) => {
    let magnitude = 0;
    for (let i = 0; i < block.length; i++) magnitude = Math.max(magnitude, Math.abs(block[i]!));
    const unit = Math.fround(magnitude / greatest);
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(0, unit, true);
    // The unit is zero when the values are too small for one.
    for (let i = 0; i < block.length; i++) bytes[4 + i] = unit === 0 ? 0 : clamped(Math.round(block[i]! / unit));
  },
  read: (bytes, block) => {
    const unit = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
    for (let i = 0; i < block.length; i++) block[i] = unit * ((bytes[4 + i]! << 24) >> 24);
  },
};

function clamped(value: number): number {
  return Math.max(-greatest, Math.min(greatest, value));
}
