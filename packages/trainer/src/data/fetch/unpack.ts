// Extracts the wanted files from an archive as a stream, so an archive of gigabytes needs little memory.

import { closeSync, createReadStream, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Unzip, type UnzipFile, UnzipInflate } from 'fflate';
import { unpackTar } from 'modern-tar/fs';
import type { Archive, PlaceEntry } from './sources.js';

/** Extracts the entries that `place` wants from the archive at `path`, to the paths in `folder` that `place` returns. */
export async function unpack(path: string, folder: string, { format, place }: Archive): Promise<void> {
  switch (format) {
    case 'zip':
      return unpackZip(path, folder, place);
    case 'tar.gz':
      return unpackTarGz(path, folder, place);
    default:
      format satisfies never;
  }
}

async function unpackZip(archive: string, folder: string, place: PlaceEntry): Promise<void> {
  const unzip = new Unzip((entry) => {
    const path = place(entry.name);
    if (path !== undefined) writeEntry(entry, join(folder, path));
  });
  unzip.register(UnzipInflate);
  for await (const chunk of createReadStream(archive)) unzip.push(chunk);
  unzip.push(new Uint8Array(), true);
}

function writeEntry(entry: UnzipFile, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  entry.ondata = (error, data, final) => {
    if (error) throw error;
    writeSync(file, data);
    if (final) closeSync(file);
  };
  entry.start();
}

async function unpackTarGz(archive: string, folder: string, place: PlaceEntry): Promise<void> {
  const files = unpackTar(folder, {
    filter: ({ name, type }) => type === 'file' && place(name) !== undefined,
    map: (header) => ({ ...header, name: place(header.name) ?? header.name }),
  });
  await pipeline(createReadStream(archive), createGunzip(), files);
}
