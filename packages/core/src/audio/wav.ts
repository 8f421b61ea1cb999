/**
 * Reads uncompressed WAV files (RIFF and RF64; PCM of 8 to 32 bits, floats): bytes in, samples out. Neither resamples
 * nor writes. Formats: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0" (1991);
 * Microsoft, "Multiple Channel Audio Data and WAVE Files" (2007); EBU Tech 3306 (2009), which defines RF64.
 */

export interface Recording {
  readonly sampleRate: number;
  /** One channel. PCM is scaled to [−1, 1); floats keep their values. */
  readonly samples: Float32Array;
}

const extensible = 0xfffe;
const formatNames: Readonly<Record<number, string>> = { 1: 'PCM', 2: 'ADPCM', 3: 'float', 6: 'A-law', 7: 'µ-law' };

/** Functions that read one sample from the bytes, by format name and bits. */
const sampleReaders: Readonly<Record<string, (data: DataView, offset: number) => number>> = {
  'PCM 8': (data, offset) => (data.getUint8(offset) - 128) / 2 ** 7,
  'PCM 16': (data, offset) => data.getInt16(offset, true) / 2 ** 15,
  'PCM 24': (data, offset) => (data.getUint16(offset, true) + data.getInt8(offset + 2) * 2 ** 16) / 2 ** 23,
  'PCM 32': (data, offset) => data.getInt32(offset, true) / 2 ** 31,
  'float 32': (data, offset) => data.getFloat32(offset, true),
  'float 64': (data, offset) => data.getFloat64(offset, true),
};

/**
 * Reads the first channel of a WAV file.
 * @throws RangeError saying what is wrong with the bytes, in words that can follow the file's name
 */
export function readWav(bytes: Uint8Array): Recording {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || !['RIFF', 'RF64'].includes(tag(view, 0)) || tag(view, 8) !== 'WAVE')
    throw new RangeError('is not a WAV file');
  const chunks = chunksOf(view);
  const format = chunks.get('fmt ');
  if (!format || format.byteLength < 16) throw new RangeError("has no 'fmt ' chunk; was it cut off?");
  const kind = kindOf(format);
  const [channels, sampleRate, bits] = [
    format.getUint16(2, true),
    format.getUint32(4, true),
    format.getUint16(14, true),
  ];
  const read = sampleReaders[`${formatNames[kind]} ${bits}`];
  if (!read || channels === 0 || sampleRate === 0) {
    const name = formatNames[kind] ?? `format ${kind}`;
    throw new RangeError(
      `is WAV of ${name} with ${bits} bits, ${channels} channels and ${sampleRate} Hz; convert it to 16-bit PCM`,
    );
  }
  const data = chunks.get('data');
  if (!data) throw new RangeError("has no 'data' chunk; was it cut off?");
  const frame = (bits / 8) * channels;
  const samples = Float32Array.from({ length: Math.floor(data.byteLength / frame) }, (_, k) => read(data, frame * k));
  if (samples.length === 0) throw new RangeError('holds no samples');
  if (!samples.every(Number.isFinite)) throw new RangeError('holds samples that are not finite; record it again');
  return { sampleRate, samples };
}

/** The format code of the samples. An extensible header stores it in the first bytes of a GUID. */
function kindOf(format: DataView): number {
  const kind = format.getUint16(0, true);
  return kind === extensible && format.byteLength >= 26 ? format.getUint16(24, true) : kind;
}

/** The chunks by name, up to and including the data chunk. Later chunks, such as ID3 tags, are not read. */
function chunksOf(view: DataView): Map<string, DataView> {
  const chunks = new Map<string, DataView>();
  for (let offset = 12; offset + 8 <= view.byteLength && !chunks.has('data'); ) {
    const name = tag(view, offset);
    const room = view.byteLength - offset - 8;
    const declared = view.getUint32(offset + 4, true);
    const length = name === 'data' ? dataLength(view, offset + 8, chunks.get('ds64'), declared) : declared;
    if (length > room) throw new RangeError(`its '${name}' chunk is cut off`);
    chunks.set(name, new DataView(view.buffer, view.byteOffset + offset + 8, length));
    offset += 8 + length + padding(view, offset + 8 + length, length);
  }
  return chunks;
}

/** Lengths from here on mean "unknown"; sox writes this value when it writes to a pipe. */
const unknownLength = 0x7ffff000;

/**
 * Number of bytes of samples. RF64 stores it in a chunk of its own. A program that writes to a pipe does not know it
 * and leaves 0 or a number too large for any file; the samples then extend to the end of the file.
 */
function dataLength(view: DataView, start: number, ds64: DataView | undefined, declared: number): number {
  if (ds64 && declared === 0xffffffff && ds64.byteLength >= 16) return Number(ds64.getBigUint64(8, true));
  const isUnknown = declared >= unknownLength || (declared === 0 && !isChunk(view, start));
  return isUnknown ? view.byteLength - start : declared;
}

/** Length of the padding after a chunk: one byte if the chunk's length is odd, unless the program left it out. */
function padding(view: DataView, end: number, length: number): 0 | 1 {
  return length % 2 === 0 || isChunk(view, end) ? 0 : 1;
}

/**
 * Whether a chunk can begin here: its name is four letters and its length fits. For a data chunk the name is enough.
 */
function isChunk(view: DataView, offset: number): boolean {
  if (offset + 8 > view.byteLength) return false;
  const name = tag(view, offset);
  return (
    name === 'data' ||
    (/^[A-Za-z][\w ]{3}$/.test(name) && view.getUint32(offset + 4, true) <= view.byteLength - offset - 8)
  );
}

function tag(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((k) => view.getUint8(offset + k)));
}
