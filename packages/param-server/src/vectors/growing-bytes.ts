/**
 * Gathers bytes that arrive in pieces. The memory is its own and grows with what has arrived: a piece may be a small view
 * of a large message, and what a message announces need not come.
 */
export class GrowingBytes {
  #memory = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far, valid until the next {@link append}. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#memory.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#memory.length));
      larger.set(this.bytes);
      this.#memory = larger;
    }
    this.#memory.set(piece, this.#length);
    this.#length = needed;
  }
}
