/** What one worker does to its gradient of one slice of a parameter before it is sent; it may keep a part for later. */
import { doAtOnce } from '../long-work.js';
import type { Slice } from '../partition.js';
import { writeBlocks } from './blocks.js';
import { ByteReader } from './byte-reader.js';
import type { NumberFormat } from './number-format.js';
import { readRecord } from './payload.js';

export interface SliceEncoder {
  /**
   * A record of what is sent of the gradient and of what was held back; the rest is held back.
   * @param gradient `[slice.length]`, left as it is
   */
  encode(gradient: Float32Array): Uint8Array;
  /** Forgets what is held back. */
  reset(): void;
}

/** Sends each gradient in a format of numbers and forgets what that loses. */
export class Rounding implements SliceEncoder {
  readonly #slice: Slice;
  readonly #format: NumberFormat;

  constructor(slice: Slice, format: NumberFormat) {
    this.#slice = slice;
    this.#format = format;
  }

  encode(gradient: Float32Array): Uint8Array {
    return writeBlocks(this.#format, this.#slice, gradient);
  }

  reset(): void {}
}

/** A lossy way to write a slice's values. `gradient` is what is new in them. */
export interface Compression {
  compress(values: Float32Array, gradient: Float32Array): Uint8Array;
  /** Forgets what it remembers of earlier values. */
  reset(): void;
}

/**
 * Error feedback (Seide et al. 2014; Karimireddy et al. 2019, algorithm 2): what compression loses of a gradient is added
 * to the next one. So all that was read and what is held back sum up to all gradients.
 */
export class ErrorFeedback implements SliceEncoder {
  readonly #slice: Slice;
  readonly #compression: Compression;
  readonly #heldBack: Float32Array;
  readonly #sent: Float32Array;

  constructor(slice: Slice, compression: Compression) {
    this.#slice = slice;
    this.#compression = compression;
    this.#heldBack = new Float32Array(slice.length);
    this.#sent = new Float32Array(slice.length);
  }

  encode(gradient: Float32Array): Uint8Array {
    const values = this.#heldBack;
    for (let i = 0; i < values.length; i++) values[i]! += gradient[i]!;
    const record = this.#compression.compress(values, gradient);
    doAtOnce(readRecord(new ByteReader(record), this.#slice, this.#sent.fill(0), () => undefined));
    for (let i = 0; i < values.length; i++) values[i]! -= this.#sent[i]!;
    return record;
  }

  /** What is held back, `[slice.length]`. */
  get heldBack(): Float32Array {
    return this.#heldBack;
  }

  reset(): void {
    this.#heldBack.fill(0);
    this.#compression.reset();
  }
}

/**
 * Writes the blocks in which the gradient is not zero. Rows of an embedding whose words are not in the batch thus wait with
 * what is held back of them, instead of travelling in every step for its sake.
 */
export function roundingOf(slice: Slice, format: NumberFormat): Compression {
  return {
    compress: (values, gradient) => writeBlocks(format, slice, values, gradient),
    reset: () => undefined,
  };
}
