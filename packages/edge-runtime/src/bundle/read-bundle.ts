/** Reads a bundle and verifies it: nothing reaches the runtime that the manifest does not vouch for. */
import { readFile } from '#bundle-source';
import { BundleError } from '../errors.js';
import { type BundleFile, type Manifest, manifestFile, modelFile, parseManifest, tokenizerFile } from './manifest.js';
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
}

export interface Bundle {
  readonly manifest: Manifest;
  readonly model: Uint8Array<ArrayBuffer>;
  /** The parsed `tokenizer.json`. */
  readonly tokenizerJson: unknown;
}

/**
 * The verified contents of the bundle at `address`: a folder's URL or, in Node, its path.
 * @throws BundleError naming the file; the signal's reason if it aborts.
 */
export async function readBundle(address: string, { onProgress, signal }: ReadBundleOptions = {}): Promise<Bundle> {
  const manifestBytes = await readFile(address, manifestFile, { signal });
  const manifest = parseManifest(manifestBytes, `${address.replace(/\/$/, '')}/${manifestFile}`);
  const readVerified = async (file: BundleFile) => {
    const totalBytes = manifest.files[file].bytes;
    const bytes = await readFile(address, file, {
      signal,
      onBytes: (loadedBytes) => onProgress?.({ file, loadedBytes, totalBytes }),
    });
    await verify(bytes, file, manifest, address);
    return bytes;
  };
  const tokenizerJson: unknown = JSON.parse(new TextDecoder().decode(await readVerified(tokenizerFile)));
  const model = await readVerified(modelFile);
  signal?.throwIfAborted();
  return { manifest, model, tokenizerJson };
}

async function verify(
  bytes: Uint8Array<ArrayBuffer>,
  file: BundleFile,
  manifest: Manifest,
  address: string,
): Promise<void> {
  const expected = manifest.files[file];
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
