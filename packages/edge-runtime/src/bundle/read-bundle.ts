/** Reads a bundle and verifies it: nothing reaches the runtime that the manifest does not vouch for. */
import { readFile } from '#bundle-source';
import { BundleError } from '../errors.js';
import type { BundleCache } from '../loading/bundle-cache.js';
import { inflateJson } from './deflate.js';
import {
  type BundleFile,
  type FileRecord,
  type Manifest,
  manifestFile,
  modelFile,
  type PersonalizationFile,
  parseManifest,
  tokenizerFile,
} from './manifest.js';
import { sha256 } from './sha256.js';

/** How far the download of a file has come. */
export interface LoadProgress {
  readonly file: BundleFile;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface ReadBundleOptions {
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where whole bundles are kept: read first, and where the server cannot be reached, instead. */
  readonly store?: BundleCache | undefined;
}

export interface Bundle {
  readonly manifest: Manifest;
  readonly model: Uint8Array<ArrayBuffer>;
  /** The tokenizer's, parsed. */
  readonly tokenizerJson: unknown;
}

/**
 * The verified contents of the bundle at `address`: a folder's URL or, in Node, its path.
 * @throws BundleError naming the file; the signal's reason if it aborts.
 */
export async function readBundle(
  address: string,
  { onProgress, signal, store }: ReadBundleOptions = {},
): Promise<Bundle> {
  const manifestBytes = await readManifest(address, signal, store);
  const manifest = parseManifest(manifestBytes, `${address.replace(/\/$/, '')}/${manifestFile}`);
  const readVerified = async (name: BundleFile) => {
    const { bytes: totalBytes, sha256 } = manifest.files[name];
    const onBytes = (loadedBytes: number) => onProgress?.({ file: name, loadedBytes, totalBytes });
    const stored = await readStored(address, name, manifest, store);
    const bytes = stored ?? (await readFile(address, name, { signal, onBytes }));
    if (stored) onBytes(totalBytes);
    else await verify(bytes, name, manifest.files[name], address);
    signal?.throwIfAborted();
    return { name, sha256, bytes };
  };
  const tokenizer = await readVerified(tokenizerFile);
  const model = await readVerified(modelFile);
  await store?.store(address, manifestBytes, [tokenizer, model]);
  return { manifest, model: model.bytes, tokenizerJson: await inflateJson(tokenizer.bytes) };
}

/**
 * The verified bytes of one of the files that only personalization needs.
 * @throws BundleError naming the file, or `not-personalizable`; the signal's reason if it aborts.
 */
export async function readPersonalizationFile(
  address: string,
  name: PersonalizationFile,
  manifest: Manifest,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!manifest.personalization) {
    const message = `${address}: the bundle has no training graphs; export it with --personalization`;
    throw new BundleError('not-personalizable', message);
  }
  const bytes = await readFile(address, name, { signal });
  await verify(bytes, name, manifest.personalization[name], address);
  return bytes;
}

/** The server's manifest, which may be newer than the stored one; the stored one where there is no server. */
async function readManifest(
  address: string,
  signal: AbortSignal | undefined,
  store: BundleCache | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readFile(address, manifestFile, { signal });
  } catch (error) {
    const stored = error instanceof BundleError && error.code === 'unreachable' && (await store?.manifest(address));
    if (stored) return stored;
    throw error;
  }
}

/** The file as it is stored; undefined, and no longer stored, if it is not what the manifest says. */
async function readStored(
  address: string,
  name: BundleFile,
  manifest: Manifest,
  store: BundleCache | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const expected = manifest.files[name].sha256;
  const bytes = await store?.file(address, name, expected);
  if (!bytes || (await sha256(bytes)) === expected) return bytes;
  await store?.forget(address, name, expected);
  return undefined;
}

async function verify(
  bytes: Uint8Array<ArrayBuffer>,
  file: BundleFile | PersonalizationFile,
  expected: FileRecord,
  address: string,
): Promise<void> {
  const path = `${address.replace(/\/$/, '')}/${file}`;
  if (bytes.length !== expected.bytes) {
    throw new BundleError(
      'file-truncated',
      `${path}: ${bytes.length} bytes, the manifest says ${expected.bytes}; copy the bundle again`,
    );
  }
  if ((await sha256(bytes)) !== expected.sha256) {
    throw new BundleError(
      'file-altered',
      `${path}: its SHA-256 is not the manifest's; copy the whole bundle again, or clear the cache between`,
    );
  }
}
