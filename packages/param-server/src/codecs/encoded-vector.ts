/**
 * An encoded vector while it arrives. Gathers its bytes, never more than a vector can have, and decodes them when all
 * have arrived.
 */

import type { LongWork } from '../time/long-work.js';
import { GrowingBytes } from '../vectors/growing-bytes.js';
import type { ShardLayout } from '../vectors/partition.js';
import { malformed } from './byte-reader.js';
import { decodeVector, mostBytes } from './payload.js';
import type { Written } from './written.js';

export class EncodedVector {
  readonly #layout: ShardLayout;
  readonly #arrived = new GrowingBytes();

  constructor(layout: ShardLayout) {
    this.#layout = layout;
  }

  /** @throws Refusal if there are more bytes than any codec produces for the vector */
  take(piece: Uint8Array): void {
    if (this.#arrived.length + piece.length > mostBytes(this.#layout)) {
      throw malformed('is longer than its values in float32');
    }
    this.#arrived.append(piece);
  }

  /**
   * Decodes the received bytes into `vector`. Elements that are zero are not written.
   * @throws Refusal if the bytes are not an encoded vector
   */
  decode(vector: Float32Array, written: Written): LongWork {
    return decodeVector(this.#arrived.bytes, this.#layout, vector, written);
  }
}
