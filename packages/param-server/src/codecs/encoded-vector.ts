/** An encoded vector while it arrives: gathers its bytes, no more than one can have, and decodes them when all are there. */
import type { LongWork } from '../long-work.js';
import type { ShardLayout } from '../partition.js';
import { malformed } from './byte-reader.js';
import { decodeVector, mostBytes } from './payload.js';
import type { Written } from './written.js';

export class EncodedVector {
  readonly #layout: ShardLayout;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(layout: ShardLayout) {
    this.#layout = layout;
  }

  /** @throws Refusal if there are more bytes than any codec makes of the vector */
  take(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#bytes > mostBytes(this.#layout)) throw malformed('is longer than its values in float32');
    if (piece.length > 0) this.#pieces.push(piece);
  }

  /**
   * Reads all that has come into `vector`, of which it leaves what is zero as it is.
   * @throws Refusal if that is not an encoded vector
   */
  decode(vector: Float32Array, written: Written): LongWork {
    return decodeVector(Buffer.concat(this.#pieces), this.#layout, vector, written);
  }
}
