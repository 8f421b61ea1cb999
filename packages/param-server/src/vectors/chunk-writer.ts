/** Writes a chunk of a vector to its place while its bytes arrive, without joining them first. */
import type { ByteSink } from './byte-sink.js';
import { float32Bytes } from './shard-vector.js';

/**
 * @param offsets where each of the chunk's pieces starts in `values`, in elements; the pieces are equally long and lie
 *   within
 * @param byteLength the bytes of all pieces together
 * @param mayWrite called before anything is written; throws if writing is no longer allowed
 * @param written called for each piece, `[from, to)` in elements, when all have arrived
 */
export function chunkWriter(
  values: Float32Array,
  { offsets, byteLength }: { readonly offsets: readonly number[]; readonly byteLength: number },
  mayWrite: () => void,
  written: (from: number, to: number) => void,
): ByteSink {
  const target = float32Bytes(values);
  const pieceBytes = byteLength / offsets.length;
  let [piece, within] = [0, 0];
  return {
    write: (bytes) => {
      mayWrite();
      for (let taken = 0; taken < bytes.length; ) {
        const count = Math.min(pieceBytes - within, bytes.length - taken);
        target.set(bytes.subarray(taken, taken + count), offsets[piece]! * 4 + within);
        taken += count;
        within += count;
        if (within === pieceBytes) [piece, within] = [piece + 1, 0];
      }
    },
    end: () => {
      mayWrite();
      for (const offset of offsets) written(offset, offset + pieceBytes / 4);
    },
  };
}
