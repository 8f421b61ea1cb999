/** The encoding of a block's values: float32 here, `bfloat16` and `int8` in the files of those names. */

/** The greatest number of values in a block; in `int8`, they share one unit. */
export const longestBlock = 256;

export interface NumberFormat {
  /** The first byte of a record with such blocks. */
  readonly tag: number;
  /** Returns the number of bytes of a block with `count` values. */
  bytesOf(count: number): number;
  /** Writes a block of at most {@link longestBlock} values to `bytes`, which has exactly its length. */
  write(block: Float32Array, bytes: Uint8Array): void;
  read(bytes: Uint8Array, block: Float32Array): void;
}

export const float32Format: NumberFormat = {
  tag: 1,
  bytesOf: (count) => 4 * count,
  write: (block, bytes) => bytes.set(bytesOf(block)),
  read: (bytes, block) => bytesOf(block).set(bytes),
};

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
