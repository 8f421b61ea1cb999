/** How the values of a block are written: as float32 here, as `bfloat16` and `int8` in the files of their names. */

export interface NumberFormat {
  /** What a record of such blocks begins with. */
  readonly tag: number;
  /** The bytes of a block of so many values. */
  bytesOf(count: number): number;
  /** Writes a block to as many bytes as it has. */
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
