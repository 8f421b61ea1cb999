/** Reads a bundle and verifies it: only data whose hash is in the manifest reaches the runtime. */
import { readFile } from '#bundle-source';
import { BundleError } from '../errors.js';
import type { BundleCache, BundleContents } from '../loading/bundle-cache.js';
import { inflateJson } from './deflate.js';
import type { Folder } from './folder.js';
import {
  type BundleFile,
  largestManifest,
  type Manifest,
  manifestFile,
  modelFile,
  type PersonalizationFile,
  parseManifest,
  tokenizerFile,
} from './manifest.js';
import { isMismatch, readVerified } from './read-verified.js';
import { integrityOf, sha256 } from './sha256.js';

/** Progress of a file's download. */
export interface LoadProgress {
  readonly file: BundleFile;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface ReadBundleOptions {
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * The cache of whole bundles. Files are first looked for there; the cached bundle is used if the server's cannot be.
   */
  readonly store?: BundleCache | undefined;
  /** The required SHA-256 of the manifest, as in `LoadOptions`. */
  readonly integrity?: string | undefined;
}

export interface Bundle {
  readonly manifest: Manifest;
  readonly model: Uint8Array<ArrayBuffer>;
  /** The parsed JSON of the tokenizer. */
  readonly tokenizerJson: unknown;
  /** Why this is the cached bundle and not the server's; undefined if it is the server's. */
  readonly serverFailure?: string;
}

/**
 * Reads and verifies the bundle in `folder`: the server's or, if that cannot be used, the cached one.
 * @throws BundleError naming the file; the signal's reason if it aborts
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
 * Reads and verifies one of the files that only personalization needs.
 * @throws BundleError naming the file, or `not-personalizable`; the signal's reason if it aborts
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

/**
 * Reads the server's bundle. If it is replaced meanwhile, its files do not match the manifest; then it is read once
 * more.
 */
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

/** The cached bundle; undefined if there is none or it is damaged. */
async function readKept(folder: Folder, { store, integrity }: ReadBundleOptions): Promise<BundleContents | undefined> {
  const manifestBytes = await store?.manifest(folder);
  if (!manifestBytes) return undefined;
  await checkManifest(folder, manifestBytes, integrity);
  const manifest = parseManifest(manifestBytes, manifestFile);
  const tokenizer = await readKeptFile(folder, tokenizerFile, manifest, store);
  const model = await readKeptFile(folder, modelFile, manifest, store);
  return tokenizer && model && { manifest, manifestBytes, tokenizer, model };
}

/** The cached file; undefined, and deleted from the cache, if it does not match the manifest. */
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

/** Checks the manifest against `integrity`, if given. The manifest in turn has the hashes of the other files. */
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
