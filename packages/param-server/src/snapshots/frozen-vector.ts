/**
 * A vector as it was at one moment, while it goes on changing: copy on write. Who changes elements says so before; the blocks
 * that they lie in are kept as they were until they have been read. Nothing else is copied: of a large table of which
 * updates change few rows that is little; of a vector that changes everywhere, at most all of it.
 */

/** Elements that are kept together: about a row of a table. */
const blockLength = 512;

/** Elements that are read at a time: few enough not to keep calls waiting while they are hashed. */
const pieceLength = 1024 * 1024;

const notKept = -1;

export class FrozenVector {
  readonly #live: Float32Array;
  /** By block: where in {@link #kept} it is, if it is. */
  readonly #places: Int32Array;
  readonly #kept = new BlockPool();
  /** The first block that has not been read. */
  #next = 0;

  /** @param live is not copied; what changes in it is to be announced to {@link keep} */
  constructor(live: Float32Array) {
    this.#live = live;
    this.#places = new Int32Array(Math.ceil(live.length / blockLength)).fill(notKept);
  }

  get length(): number {
    return this.#live.length;
  }

  /** To be called before the elements `[from, to)` change. */
  keep(from: number, to: number): void {
    const end = Math.ceil(to / blockLength);
    for (let block = Math.max(this.#next, Math.floor(from / blockLength)); block < end; block++) {
      if (this.#places[block] === notKept) this.#places[block] = this.#kept.add(this.#blockOf(this.#live, block, 0));
    }
  }

  /** All values, in order and once; each piece is valid until the next. */
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

  /** The elements of a block in a vector that begins with the element `origin`. */
  #blockOf(vector: Float32Array, block: number, origin: number): Float32Array {
    return vector.subarray(block * blockLength - origin, (block + 1) * blockLength - origin);
  }
}

const blocksPerSlab = 512;

/** Blocks, many in one allocation; room that has become free is used again. */
class BlockPool {
  readonly #slabs: Float32Array[] = [];
  readonly #free: number[] = [];
  #places = 0;

  /** @returns its place */
  add(block: Float32Array): number {
    const place = this.#free.pop() ?? this.#places++;
    this.#slabs[Math.floor(place / blocksPerSlab)] ??= new Float32Array(blocksPerSlab * blockLength);
    this.#at(place, block.length).set(block);
    return place;
  }

  /** Copies a block to where it is wanted and frees its place. */
  take(place: number, into: Float32Array): void {
    into.set(this.#at(place, into.length));
    this.#free.push(place);
  }

  #at(place: number, length: number): Float32Array {
    const start = (place % blocksPerSlab) * blockLength;
    return this.#slabs[Math.floor(place / blocksPerSlab)]!.subarray(start, start + length);
  }
}
