/** Encodes one worker's gradient of one slice before it is sent; may hold back a part for later. */
import { doAtOnce } from '../time/long-work.js';
import type { Slice } from '../vectors/partition.js';
import { writeBlocks } from './blocks.js';
import { ByteReader } from './byte-reader.js';
import type { NumberFormat } from './number-format.js';
import { readRecord } from './payload.js';

export interface SliceEncoder {
  /**
   * Encodes what is sent of the gradient plus the held-back values; the rest is held back.
   * @param gradient `[slice.length]`, not changed
   */
  encode(gradient: Float32Array): Uint8Array;
  /** Drops the held-back values. */
  reset(): void;
}

/** Sends each gradient in a number format, and ignores the rounding error. */
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

/** A lossy encoding of a slice's values. `gradient` is the new part of them. */
export interface Compression {
  compress(values: Float32Array, gradient: Float32Array): Uint8Array;
  /** Forgets what it remembers of earlier values. */
  reset(): void;
}

/**
 * Error feedback (Seide et al. 2014; Karimireddy et al. 2019, algorithm 2): the compression error of a gradient is
 * added to the next one. So all decoded values plus the held-back ones sum up to all gradients.
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

  /** The held-back values, `[slice.length]`. */
  get heldBack(): Float32Array {
    return this.#heldBack;
  }

  reset(): void {
    this.#heldBack.fill(0);
    this.#compression.reset();
  }
}

/**
 * Writes only the blocks in which the gradient is not zero. An embedding's rows whose words are not in the batch thus
 * keep their held-back values, instead of sending them in every step.
 */
export function roundingOf(slice: Slice, format: NumberFormat): Compression {
  return {
    compress: (values, gradient) => writeBlocks(format, slice, values, gradient),
    reset: () => undefined,
  };
}
