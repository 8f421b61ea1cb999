/**
 * Encodes a block of values as multiples, -127 to 127, of a float32 unit per block: 1/127 of its greatest magnitude.
 */
import type { NumberFormat } from './number-format.js';

const greatest = 127;

/** A block's unit, and its bytes. */
const unitOf = new Float32Array(1);
const bytesOfUnit = new Uint8Array(unitOf.buffer);

export const int8Format: NumberFormat = {
  tag: 3,
  bytesOf: (count) => 4 + count,
  write: (block, bytes) => {
    let magnitude = 0;
    for (let i = 0; i < block.length; i++) {
      const value = Math.abs(block[i]!);
      if (value > magnitude) magnitude = value;
    }
    unitOf[0] = magnitude / greatest;
    bytes.set(bytesOfUnit);
    const unit = unitOf[0]!;
    const multiples = multiplesIn(bytes);
    // The unit is zero when the values are too small for one.
    if (unit === 0) multiples.fill(0);
    else for (let i = 0; i < block.length; i++) multiples[i] = clamped(Math.round(block[i]! / unit));
  },
  read: (bytes, block) => {
    bytesOfUnit.set(bytes.subarray(0, 4));
    const unit = unitOf[0]!;
    const multiples = multiplesIn(bytes);
    for (let i = 0; i < block.length; i++) block[i] = unit * multiples[i]!;
  },
};

function multiplesIn(bytes: Uint8Array): Int8Array {
  return new Int8Array(bytes.buffer, bytes.byteOffset + 4, bytes.length - 4);
}

function clamped(value: number): number {
  return value > greatest ? greatest : value < -greatest ? -greatest : value;
}
