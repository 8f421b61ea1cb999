// Fetches a published corpus: downloads, verifies and unpacks it into a folder that corpus.ts recognises. The folder
// appears when it is complete; until then everything lies beside it, where an interrupted fetch goes on.

import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, posix } from 'node:path';
import { UnrollError } from '../../errors.js';
import { fileDigest } from './checksum.js';
import { type DownloadOptions, download } from './download.js';
import { CORPUS_SOURCES, type CorpusName, type CorpusSource, type SourceFile } from './sources.js';
import { unpack } from './unpack.js';

export interface FetchOptions extends Pick<DownloadOptions, 'onProgress' | 'signal'> {
  /** A folder's URL that holds the same files under the same names; the published checksums apply. */
  readonly mirror?: string | undefined;
}

/**
 * Fetches the corpus of this name into `dataFolder`, unless it is there already.
 *
 * @returns the corpus's folder, for `loadCorpus`
 * @throws UnrollError for an unknown name, a mirror that is no URL, a failed download or a wrong checksum
 */
export async function fetchCorpus(name: string, dataFolder: string, options: FetchOptions = {}): Promise<string> {
  if (!isCorpusName(name)) {
    throw new UnrollError(`${name}: no such corpus; choose ${Object.keys(CORPUS_SOURCES).join(', ')}`);
  }
  if (options.mirror !== undefined && !URL.canParse(options.mirror)) {
    throw new UnrollError(`mirror ${options.mirror}: is no URL; give one such as https://example.org/corpora`);
  }
  const folder = join(dataFolder, name);
  await fetchSource(CORPUS_SOURCES[name], folder, options);
  return folder;
}

/** Fetches `source` into `folder`, unless the folder is there already. */
export async function fetchSource(source: CorpusSource, folder: string, options: FetchOptions): Promise<void> {
  if (existsSync(folder)) return;
  const downloads = `${folder}.download`;
  const unpacked = join(downloads, 'unpacked');
  mkdirSync(downloads, { recursive: true });
  for (const file of source.files) await fetchFile(file, downloads, options);
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked);
  for (const file of source.files) await unpackFile(file, downloads, unpacked);
  renameSync(unpacked, folder);
  rmSync(downloads, { recursive: true });
}

async function fetchFile(file: SourceFile, downloads: string, { mirror, ...options }: FetchOptions): Promise<void> {
  const path = join(downloads, fileName(file));
  const { algorithm, digest } = file.checksum;
  if (existsSync(path) && (await fileDigest(path, algorithm)) === digest) return;
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

function isCorpusName(name: string): name is CorpusName {
  return Object.hasOwn(CORPUS_SOURCES, name);
}
