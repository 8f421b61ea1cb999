/** Reads bytes from outside, from the first to the last. */
import { Refusal } from '../shard/refusal.js';

export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @throws Refusal if fewer bytes are left */
  take(count: number): Uint8Array {
    if (count > this.#bytes.length - this.#at) throw malformed('ends too early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  uint16(): number {
    const [low, high] = this.take(2);
    return low! | (high! << 8);
  }

  /**
   * Reads float32 values, little-endian. They are copied, so the bytes need not be aligned.
   * @throws Refusal if fewer are left
   */
  float32(count: number): Float32Array {
    const bytes = this.take(4 * count);
    const values = new Float32Array(count);
    new Uint8Array(values.buffer).set(bytes);
    return values;
  }

  /** @throws Refusal if bytes are left */
  requireEnd(): void {
    if (this.#at < this.#bytes.length) throw malformed(`goes on for ${this.#bytes.length - this.#at} bytes too many`);
  }
}

export function malformed(what: string): Refusal {
  return new Refusal('failed-precondition', `an encoded vector ${what}; use a client of this version`);
}
