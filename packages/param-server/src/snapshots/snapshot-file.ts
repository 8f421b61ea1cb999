/**
 * One snapshot as a file: the length of a header (uint32, little-endian), the header (JSON), the vectors it lists as
 * consecutive float32, and the SHA-256 of all that. It is written under a temporary name, synchronised and renamed.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { float32Bytes } from '../vectors/shard-vector.js';
import { sumOfSquaresWithin } from '../vectors/sparse-vector.js';
import type { FrozenVector } from './frozen-vector.js';
import type { FrozenSnapshot, ShardSnapshot } from './snapshot.js';

/** Identifies a file as a snapshot of this format and version. */
const format = 'unroll shard snapshot 1';

interface Header {
  readonly format: string;
  readonly run: string;
  readonly step: number;
  /** The vectors' names and numbers of elements. */
  readonly vectors: readonly { readonly name: string; readonly length: number }[];
}

/** Suffix of a file's name while it is being written. */
export const unfinishedSuffix = '.new';

/** Bytes read and hashed at a time. */
const pieceBytes = 4 * 1024 * 1024;

const slotPrefix = 'slot.';

/** The bytes of the header's length, and of the SHA-256 at the end. */
const [lengthBytes, checksumBytes] = [4, 32];

/** Writes a snapshot. Once this resolves, the file survives a crash of the machine. */
export async function writeSnapshotFile(path: string, run: string, { step, values }: FrozenSnapshot): Promise<void> {
  const slots = Object.entries(values.slots).map(([name, vector]) => [slotPrefix + name, vector] as const);
  const vectors = [['parameters', values.parameters], ['lanes', values.lanes], ...slots] as const;
  const described = vectors.map(([name, { length }]) => ({ name, length }));
  const header: Header = { format, run, step, vectors: described };
  const temporary = path + unfinishedSuffix;
  try {
    await writeHashed(
      temporary,
      contents(
        header,
        vectors.map(([, vector]) => vector),
      ),
    );
    await rename(temporary, path);
    await synchronise(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Writes, renames and removes a file at `path` in the same way as a snapshot. @throws the file system's error */
export async function tryToWrite(path: string): Promise<void> {
  await writeHashed(path + unfinishedSuffix, []);
  await rename(path + unfinishedSuffix, path);
  await synchronise(dirname(path));
  await rm(path);
}

/** Yields the data that the checksum covers, piece by piece; each piece is valid until the next. */
function* contents(header: Header, vectors: readonly FrozenVector[]): Generator<Uint8Array> {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  yield length;
  yield json;
  for (const vector of vectors) for (const values of vector.pieces()) yield float32Bytes(values);
}

async function writeHashed(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  // Only the file's owner may open it, because it holds the model.
  await using file = await open(path, 'w', 0o600);
  const hash = createHash('sha256');
  for (const piece of pieces) {
    hash.update(piece);
    await file.writeFile(piece);
  }
  await file.writeFile(hash.digest());
  await file.sync();
}

/** Makes a rename in the folder survive a crash of the machine. */
async function synchronise(folder: string): Promise<void> {
  // Windows cannot open folders.
  if (process.platform === 'win32') return;
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/** A snapshot that was read, and its run. */
export interface StoredSnapshot extends ShardSnapshot {
  readonly run: string;
}

/** @throws Error that says what is wrong with the file, worded to follow its name */
export async function readSnapshotFile(path: string): Promise<StoredSnapshot> {
  await using file = await open(path, 'r');
  const reader = new HashingReader(file);
  const header = await readHeader(reader);
  const vectors = new Map<string, Float32Array>();
  for (const { name, length } of header.vectors) {
    const vector = new Float32Array((await reader.read(length * 4)).buffer);
    if (!Number.isFinite(sumOfSquaresWithin(vector, 0, length))) throw new Error(`has NaN or Infinity in its ${name}`);
    vectors.set(name, vector);
  }
  await reader.verify();
  const [parameters, lanes] = [vectors.get('parameters'), vectors.get('lanes')];
  if (!parameters || !lanes) throw notASnapshot();
  const slots = [...vectors].filter(([name]) => name.startsWith(slotPrefix));
  return {
    run: header.run,
    step: header.step,
    values: {
      parameters,
      lanes,
      slots: Object.fromEntries(slots.map(([name, vector]) => [name.slice(slotPrefix.length), vector])),
    },
  };
}

/**
 * Reads a snapshot's run and step, and leaves the rest unread and unverified.
 * @throws the same errors as {@link readSnapshotFile}
 */
export async function readSnapshotPlace(path: string): Promise<Pick<StoredSnapshot, 'run' | 'step'>> {
  await using file = await open(path, 'r');
  const { run, step } = await readHeader(new HashingReader(file));
  return { run, step };
}

async function readHeader(reader: HashingReader): Promise<Header> {
  const { size } = await reader.file.stat();
  if (size < lengthBytes) throw new Error('was cut off');
  const length = Buffer.from(await reader.read(lengthBytes)).readUInt32LE();
  if (length > size) throw notASnapshot();
  const header = parsed(Buffer.from(await reader.read(length)).toString());
  if (header?.format !== format) throw new Error('is not a snapshot of a shard, or one of another version');
  if (!isHeader(header)) throw notASnapshot();
  // Nothing is allocated for what a damaged header claims: the file has just these vectors, and the checksum.
  const values = header.vectors.reduce((sum, vector) => sum + vector.length, 0);
  const expected = lengthBytes + length + 4 * values + checksumBytes;
  if (size < expected) throw new Error('was cut off');
  if (size > expected) throw new Error(`goes on for ${size - expected} bytes too many`);
  return header;
}

function parsed(json: string): Partial<Header> | undefined {
  try {
    return JSON.parse(json) as Partial<Header>;
  } catch {
    return undefined;
  }
}

function isHeader(header: Partial<Header>): header is Header {
  const { run, step, vectors } = header;
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const isVector = (vector: Header['vectors'][number] | null) =>
    typeof vector?.name === 'string' && isCount(vector.length);
  return typeof run === 'string' && isCount(step) && Array.isArray(vectors) && vectors.every(isVector);
}

function notASnapshot(): Error {
  return new Error('is not a snapshot of a shard');
}

class HashingReader {
  readonly #hash = createHash('sha256');

  constructor(readonly file: FileHandle) {}

  /** Reads the next bytes into newly allocated memory. */
  async read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let start = 0; start < length; start += pieceBytes) {
      const piece = bytes.subarray(start, start + pieceBytes);
      await this.#fill(piece);
      this.#hash.update(piece);
    }
    return bytes;
  }

  /** @throws Error unless the file ends with the checksum of the bytes that were read */
  async verify(): Promise<void> {
    const expected = this.#hash.digest();
    const stored = Buffer.alloc(expected.length);
    await this.#fill(stored);
    if (!stored.equals(expected)) throw new Error('has another checksum than when it was written');
  }

  async #fill(bytes: Uint8Array): Promise<void> {
    for (let filled = 0; filled < bytes.length; ) {
      const { bytesRead } = await this.file.read(bytes, filled, bytes.length - filled);
      if (bytesRead === 0) throw new Error('was cut off');
      filled += bytesRead;
    }
  }
}
