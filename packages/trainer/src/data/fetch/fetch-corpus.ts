// Fetches a published corpus: downloads, verifies and unpacks it into a folder that corpus.ts recognises. The folder
// appears once it is complete. Until then all files are in a folder beside it, from which an interrupted fetch
// continues. If the target folder already exists, such as a mount point, the files are kept in a folder inside it and
// moved once complete.

import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, posix } from 'node:path';
import { UnrollError } from '../../errors.js';
import { fileErrorReason, isFileError } from '../../files/file-error.js';
import { isMarker } from '../../files/markers.js';
import { checkWritable } from '../../files/result-folder.js';
import { ResultLock } from '../../files/result-lock.js';
import { sha256Of } from './checksum.js';
import { type DownloadOptions, download } from './download.js';
import { CORPUS_SOURCES, type CorpusName, type CorpusSource, type SourceFile } from './sources.js';
import { unpack } from './unpack.js';

export interface FetchOptions extends Pick<DownloadOptions, 'onProgress' | 'signal'> {
  /** URL of a folder that holds the same files under the same names; the published checksums apply. */
  readonly mirror?: string | undefined;
}

/**
 * Fetches the corpus of this name into `dataFolder`, unless it is already there.
 *
 * @returns the corpus's folder, for `loadCorpus`
 * @throws UnrollError for an unknown name, a mirror that is not a URL, a failed download or a wrong checksum
 */
export async function fetchCorpus(name: string, dataFolder: string, options: FetchOptions = {}): Promise<string> {
  if (!isCorpusName(name)) {
    throw new UnrollError(`${name}: no such corpus; choose ${Object.keys(CORPUS_SOURCES).join(', ')}`);
  }
  if (options.mirror !== undefined && !isWebAddress(options.mirror)) {
    throw new UnrollError(`mirror ${options.mirror}: is no web address; give one such as https://example.org/corpora`);
  }
  const folder = join(dataFolder, name);
  await fetchSource(CORPUS_SOURCES[name], folder, options);
  return folder;
}

/** Folder for an incomplete corpus inside a target folder that already existed. */
const unfinished = '.unroll-download';

/** Fetches `source` into `folder`, unless it is already there. */
export async function fetchSource(source: CorpusSource, folder: string, options: FetchOptions): Promise<void> {
  const names = existsSync(folder) ? readdirSync(folder) : undefined;
  if (names?.some((name) => !isMarker(name)) && !names.includes(unfinished)) return;
  await checkWritable(folder);
  const downloads = names === undefined ? `${folder}.download` : join(folder, unfinished);
  const unpacked = join(downloads, 'unpacked');
  await using lock = new ResultLock({ folder: downloads, role: 'data fetch' });
  await lock.take();
  try {
    for (const file of source.files) await fetchFile(file, downloads, options);
    rmSync(unpacked, { recursive: true, force: true });
    mkdirSync(unpacked);
    for (const file of source.files) await unpackFile(file, downloads, unpacked);
    if (names === undefined) renameSync(unpacked, folder);
    else moveInto(folder, unpacked);
    rmSync(downloads, { recursive: true });
  } catch (error) {
    if (!isFileError(error)) throw error;
    throw new UnrollError(
      `${folder}: cannot be written: ${fileErrorReason(error)}; ${downloads} keeps what has arrived: make room and run again`,
    );
  }
}

function moveInto(folder: string, unpacked: string): void {
  for (const name of readdirSync(unpacked)) {
    rmSync(join(folder, name), { recursive: true, force: true });
    renameSync(join(unpacked, name), join(folder, name));
  }
}

async function fetchFile(file: SourceFile, downloads: string, { mirror, ...options }: FetchOptions): Promise<void> {
  const path = join(downloads, fileName(file));
  if (existsSync(path) && (await sha256Of(path)) === file.checksum.sha256) return;
  const url = mirror === undefined ? file.url : `${mirror.replace(/\/+$/, '')}/${fileName(file)}`;
  await download(url, path, { ...options, checksum: file.checksum });
}

async function unpackFile(file: SourceFile, downloads: string, folder: string): Promise<void> {
  const path = join(downloads, fileName(file));
  if (file.archive) await unpack(path, folder, file.archive);
  else copyFileSync(path, join(folder, fileName(file)));
}

function fileName(file: SourceFile): string {
  return posix.basename(new URL(file.url).pathname);
}

function isWebAddress(address: string): boolean {
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);
}

function isCorpusName(name: string): name is CorpusName {
  return Object.hasOwn(CORPUS_SOURCES, name);
}
