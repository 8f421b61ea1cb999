// Extracts the wanted files from an archive as a stream, so an archive of gigabytes needs little memory. An archive that
// inflates beyond measure, or whose files are cut off or there twice, is refused.

import { closeSync, createReadStream, mkdirSync, openSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Unzip, type UnzipFile, UnzipInflate } from 'fflate';
import { unpackTar } from 'modern-tar/fs';
import { firstLine, UnrollError } from '../../errors.js';
import { isFileError } from '../../files/file-error.js';
import type { Archive, PlaceEntry } from './sources.js';

/** No text of words is compressed as far as this. */
const greatestRatio = 20;
/** Bytes that are always permitted: archives of little text are mostly headers and padding. */
const unsuspicious = 2 ** 20;

/**
 * Extracts the entries that `place` wants from the archive at `path`, to the paths in `folder` that `place` returns.
 * @throws UnrollError naming the archive if it is damaged or inflates beyond measure; the file system's error
 */
export async function unpack(path: string, folder: string, { format, place }: Archive): Promise<void> {
  const wanted = new WantedEntries(folder, place, Math.max(unsuspicious, greatestRatio * statSync(path).size));
  try {
    await (format === 'zip' ? unpackZip(path, wanted) : unpackTarGz(path, wanted));
    wanted.requireComplete();
  } catch (error) {
    if (isFileError(error)) throw error;
    throw new UnrollError(`${path}: cannot be unpacked (${firstLine(error)}); remove it, and fetch it again`);
  }
}

/** The entries that have been found, where they go, and how large they may become together. */
class WantedEntries {
  readonly folder: string;
  readonly #place: PlaceEntry;
  readonly #mostBytes: number;
  /** The declared size by path; undefined if the archive declares none. */
  readonly #sizes = new Map<string, number | undefined>();
  #bytes = 0;

  constructor(folder: string, place: PlaceEntry, mostBytes: number) {
    this.folder = folder;
    this.#place = place;
    this.#mostBytes = mostBytes;
  }

  /** Returns the entry's path within the folder; undefined if it is not wanted. */
  placeOf(entry: string): string | undefined {
    return this.#place(entry);
  }

  /** Notes that a wanted entry begins. @throws Error if there was one already */
  begin(path: string, size: number | undefined): void {
    if (this.#sizes.has(path)) throw new Error(`it holds ${path} twice`);
    this.#sizes.set(path, size);
  }

  /** Notes that bytes have been inflated. @throws Error if they are too many */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#mostBytes) throw new Error(`it inflates to more than ${this.#mostBytes} bytes`);
  }

  /** @throws Error unless every file has its declared size */
  requireComplete(): void {
    if (this.#sizes.size === 0) throw new Error('it holds none of the files that are wanted');
    for (const [path, size] of this.#sizes) {
      const actual = statSync(join(this.folder, path)).size;
      if (size !== undefined && actual !== size) throw new Error(`${path} has ${actual} of ${size} bytes`);
    }
  }
}

async function unpackZip(archive: string, wanted: WantedEntries): Promise<void> {
  const open = new Set<number>();
  const unzip = new Unzip((entry) => {
    const path = wanted.placeOf(entry.name);
    if (path === undefined) return;
    wanted.begin(path, entry.originalSize);
    writeEntry(entry, join(wanted.folder, path), wanted, open);
  });
  unzip.register(UnzipInflate);
  try {
    for await (const chunk of createReadStream(archive)) unzip.push(chunk);
    unzip.push(new Uint8Array(), true);
    if (open.size > 0) throw new Error('it is cut off');
  } finally {
    for (const file of open) closeSync(file);
  }
}

/** @param open receives the file, until it is complete */
function writeEntry(entry: UnzipFile, path: string, wanted: WantedEntries, open: Set<number>): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  open.add(file);
  entry.ondata = (error, data, final) => {
    if (error) throw error;
    wanted.count(data.length);
    writeFileSync(file, data);
    if (!final) return;
    open.delete(file);
    closeSync(file);
  };
  entry.start();
}

async function unpackTarGz(archive: string, wanted: WantedEntries): Promise<void> {
  const files = unpackTar(wanted.folder, {
    filter: ({ name, type }) => type === 'file' && wanted.placeOf(name) !== undefined,
    map: (header) => {
      const path = wanted.placeOf(header.name)!;
      wanted.begin(path, header.size);
      return { ...header, name: path };
    },
  });
  const meter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      try {
        wanted.count(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  await pipeline(createReadStream(archive), createGunzip(), meter, files);
}
