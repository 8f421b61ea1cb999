/** Reads uncompressed WAV files (RIFF, 16-bit PCM): bytes in, samples out. Neither resamples nor writes.
 * Format: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0" (1991). */

export interface Recording {
  readonly sampleRate: number;
  /** One channel, in [−1, 1). */
  readonly samples: Float32Array;
}

const pcm = 1;
const extensible = 0xfffe;

/**
 * The first channel of a WAV file.
 * @throws RangeError saying what is wrong with the bytes, in words that can follow the file's name
 */
export function readWav(bytes: Uint8Array): Recording {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || tag(view, 0) !== 'RIFF' || tag(view, 8) !== 'WAVE')
    throw new RangeError('is not a WAV file');
  const chunks = chunksOf(view);
  const format = chunks.get('fmt ');
  if (!format || format.byteLength < 16) throw new RangeError("has no 'fmt ' chunk; was it cut off?");
  const kind = format.getUint16(0, true);
  const channels = format.getUint16(2, true);
  const bits = format.getUint16(14, true);
  if ((kind !== pcm && kind !== extensible) || bits !== 16 || channels === 0) {
    throw new RangeError(`is WAV of format ${kind} with ${bits} bits; convert it to 16-bit PCM`);
  }
  const data = chunks.get('data');
  if (!data) throw new RangeError("has no 'data' chunk; was it cut off?");
  const count = Math.floor(data.byteLength / (2 * channels));
  if (count === 0) throw new RangeError('holds no samples');
  const samples = Float32Array.from({ length: count }, (_, k) => data.getInt16(2 * channels * k, true) / 32768);
  return { sampleRate: format.getUint32(4, true), samples };
}

/** The chunks by name; chunks start at even offsets. */
function chunksOf(view: DataView): Map<string, DataView> {
  const chunks = new Map<string, DataView>();
  for (let offset = 12; offset + 8 <= view.byteLength; ) {
    const name = tag(view, offset);
    const length = view.getUint32(offset + 4, true);
    if (offset + 8 + length > view.byteLength) throw new RangeError(`its '${name}' chunk is cut off`);
    chunks.set(name, new DataView(view.buffer, view.byteOffset + offset + 8, length));
    offset += 8 + length + (length % 2);
  }
  return chunks;
}

function tag(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((k) => view.getUint8(offset + k)));
}
