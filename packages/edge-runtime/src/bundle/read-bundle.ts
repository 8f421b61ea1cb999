/** Reads a bundle and verifies it: nothing reaches the runtime that the manifest does not vouch for. */
import { readFile } from '#bundle-source';
import { BundleError } from '../errors.js';
import type { BundleCache, BundleContents } from '../loading/bundle-cache.js';
import { inflateJson } from './deflate.js';
import type { Folder } from './folder.js';
import {
  type BundleFile,
  type Manifest,
  manifestFile,
  modelFile,
  type PersonalizationFile,
  parseManifest,
  tokenizerFile,
} from './manifest.js';
import { isMismatch, readVerified } from './read-verified.js';
import { integrityOf, sha256 } from './sha256.js';

/** How far the download of a file has come. */
export interface LoadProgress {
  readonly file: BundleFile;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface ReadBundleOptions {
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where whole bundles are kept: files are looked for there first, and the bundle if the server's cannot be used. */
  readonly store?: BundleCache | undefined;
  /** The SHA-256 that the manifest must have, as in `LoadOptions`. */
  readonly integrity?: string | undefined;
}

export interface Bundle {
  readonly manifest: Manifest;
  readonly model: Uint8Array<ArrayBuffer>;
  /** The tokenizer's, parsed. */
  readonly tokenizerJson: unknown;
  /** Why this is the bundle that was kept, and not the server's; undefined if it is the server's. */
  readonly serverFailure?: string;
}

/** Many times what a manifest has. */
const largestManifest = 2 ** 24;

/**
 * The verified contents of the bundle in `folder`: the server's, or, if that cannot be used, what was kept of it.
 * @throws BundleError naming the file; the signal's reason if it aborts.
 */
export async function readBundle(folder: Folder, options: ReadBundleOptions = {}): Promise<Bundle> {
  const { signal, store } = options;
  try {
    const contents = await readServed(folder, options);
    const bundle = await bundleOf(folder, contents);
    await store?.store(folder, contents);
    return bundle;
  } catch (error) {
    signal?.throwIfAborted();
    const kept = await readKept(folder, options).catch(() => undefined);
    signal?.throwIfAborted();
    if (!kept) throw error;
    return { ...(await bundleOf(folder, kept)), serverFailure: (error as Error).message };
  }
}

/**
 * The verified bytes of one of the files that only personalization needs.
 * @throws BundleError naming the file, or `not-personalizable`; the signal's reason if it aborts.
 */
export async function readPersonalizationFile(
  folder: Folder,
  name: PersonalizationFile,
  manifest: Manifest,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  if (manifest.personalization) return readVerified(folder, name, manifest.personalization[name], { signal });
  const message = `${folder.key}: the bundle has no training graphs; export it with --personalization`;
  throw new BundleError('not-personalizable', message);
}

async function bundleOf(folder: Folder, { manifest, model, tokenizer }: BundleContents): Promise<Bundle> {
  try {
    return {
      manifest,
      model,
      tokenizerJson: await inflateJson(tokenizer, manifest.files[tokenizerFile].inflatedBytes),
    };
  } catch (cause) {
    const message = `${folder.nameOf(tokenizerFile)}: ${(cause as Error).message}; export the bundle again`;
    throw new BundleError('tokenizer-invalid', message, { cause });
  }
}

/** The server's bundle. If it is replaced while it is read, its files are not the manifest's: then it is read once more. */
async function readServed(folder: Folder, options: ReadBundleOptions): Promise<BundleContents> {
  const { signal } = options;
  const readManifest = (cache: 'no-cache' | 'reload') =>
    readFile(folder, manifestFile, { signal, cache, maxBytes: largestManifest });
  const manifestBytes = await readManifest('no-cache');
  try {
    return await readFiles(folder, manifestBytes, options);
  } catch (error) {
    if (!isMismatch(error)) throw error;
    const again = await readManifest('reload');
    if (equal(again, manifestBytes)) throw error;
    return readFiles(folder, again, options);
  }
}

async function readFiles(
  folder: Folder,
  manifestBytes: Uint8Array<ArrayBuffer>,
  { onProgress, signal, store, integrity }: ReadBundleOptions,
): Promise<BundleContents> {
  await checkManifest(folder, manifestBytes, integrity);
  const manifest = parseManifest(manifestBytes, folder.nameOf(manifestFile));
  const read = async (name: BundleFile) => {
    const { bytes: totalBytes } = manifest.files[name];
    const onBytes = (loadedBytes: number) => onProgress?.({ file: name, loadedBytes, totalBytes });
    const kept = await readKeptFile(folder, name, manifest, store);
    if (kept) onBytes(totalBytes);
    const bytes = kept ?? (await readVerified(folder, name, manifest.files[name], { onBytes, signal }));
    signal?.throwIfAborted();
    return bytes;
  };
  return { manifest, manifestBytes, tokenizer: await read(tokenizerFile), model: await read(modelFile) };
}

/** The bundle as it was when it was kept; undefined if it was not, or is damaged. */
async function readKept(folder: Folder, { store, integrity }: ReadBundleOptions): Promise<BundleContents | undefined> {
  const manifestBytes = await store?.manifest(folder);
  if (!manifestBytes) return undefined;
  await checkManifest(folder, manifestBytes, integrity);
  const manifest = parseManifest(manifestBytes, manifestFile);
  const tokenizer = await readKeptFile(folder, tokenizerFile, manifest, store);
  const model = await readKeptFile(folder, modelFile, manifest, store);
  return tokenizer && model && { manifest, manifestBytes, tokenizer, model };
}

/** The file as it is kept; undefined, and no longer kept, if it is not what the manifest says. */
async function readKeptFile(
  folder: Folder,
  name: BundleFile,
  manifest: Manifest,
  store: BundleCache | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const expected = manifest.files[name].sha256;
  const bytes = await store?.file(folder, name, expected);
  if (!bytes || (await sha256(bytes)) === expected) return bytes;
  await store?.forget(folder, name, expected);
  return undefined;
}

/** The manifest vouches for the other files; `integrity`, if given, for the manifest. */
async function checkManifest(
  folder: Folder,
  bytes: Uint8Array<ArrayBuffer>,
  integrity: string | undefined,
): Promise<void> {
  if (integrity === undefined || (await integrityOf(bytes)) === integrity) return;
  const message = `${folder.nameOf(manifestFile)}: its hash is not ${integrity}, as the option 'integrity' says`;
  throw new BundleError('file-altered', `${message}; deploy that bundle, or change the option`);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
