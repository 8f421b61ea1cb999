/**
 * The values of a vector at one moment, while it goes on changing: copy on write. Writers announce their changes; the
 * affected blocks are kept until they have been read. Nothing else is copied. That is little for a large table in which
 * updates change few rows. It is at most the whole vector if everything changes.
 */

/** Elements that are kept together: about a row of a table. */
const blockLength = 512;

/** Elements that are read at a time: few enough not to keep calls waiting while they are hashed. */
const pieceLength = 1024 * 1024;

const notKept = -1;

export class FrozenVector {
  readonly #live: Float32Array;
  /** By block: its place in {@link #kept}, or `notKept`. */
  readonly #places: Int32Array;
  readonly #kept = new BlockPool();
  /** The first block that has not been read. */
  #next = 0;

  /** @param live is not copied; its changes must be announced to {@link keep} */
  constructor(live: Float32Array) {
    this.#live = live;
    this.#places = new Int32Array(Math.ceil(live.length / blockLength)).fill(notKept);
  }

  get length(): number {
    return this.#live.length;
  }

  /** Call this before the elements `[from, to)` change. */
  keep(from: number, to: number): void {
    const end = Math.ceil(to / blockLength);
    for (let block = Math.max(this.#next, Math.floor(from / blockLength)); block < end; block++) {
      if (this.#places[block] === notKept) this.#places[block] = this.#kept.add(this.#blockOf(this.#live, block, 0));
    }
  }

  /** Yields all values, in order and once; each piece is valid until the next. */
  *pieces(): Generator<Float32Array<ArrayBuffer>> {
    const piece = new Float32Array(Math.min(pieceLength, this.length));
    for (let from = 0; from < this.length; from += pieceLength) {
      const values = piece.subarray(0, this.length - from);
      this.#read(from, values);
      yield values;
    }
  }

  #read(from: number, into: Float32Array): void {
    const to = from + into.length;
    into.set(this.#live.subarray(from, to));
    for (; this.#next * blockLength < to; this.#next++) {
      const place = this.#places[this.#next]!;
      if (place !== notKept) this.#kept.take(place, this.#blockOf(into, this.#next, from));
    }
  }

  /** Returns the elements of a block in a vector that begins with the element `origin`. */
  #blockOf(vector: Float32Array, block: number, origin: number): Float32Array {
    return vector.subarray(block * blockLength - origin, (block + 1) * blockLength - origin);
  }
}

const blocksPerSlab = 512;

/** Stores blocks, many per allocation; freed places are reused. */
class BlockPool {
  readonly #slabs: Float32Array[] = [];
  readonly #free: number[] = [];
  #places = 0;

  /** @returns the block's place */
  add(block: Float32Array): number {
    const place = this.#free.pop() ?? this.#places++;
    this.#slabs[Math.floor(place / blocksPerSlab)] ??= new Float32Array(blocksPerSlab * blockLength);
    this.#at(place, block.length).set(block);
    return place;
  }

  /** Copies a block to `into` and frees its place. */
  take(place: number, into: Float32Array): void {
    into.set(this.#at(place, into.length));
    this.#free.push(place);
  }

  #at(place: number, length: number): Float32Array {
    const start = (place % blocksPerSlab) * blockLength;
    return this.#slabs[Math.floor(place / blocksPerSlab)]!.subarray(start, start + length);
  }
}
