/** Reads a file whose hash a manifest has, and verifies it. */
import { readFile } from '#bundle-source';
import { BundleError } from '../errors.js';
import type { Folder } from './folder.js';
import type { FileRecord } from './manifest.js';
import { sha256 } from './sha256.js';
import type { ReadOptions } from './source.browser.js';

/**
 * Reads and verifies a file. A browser's HTTP cache may still have a file of an earlier bundle, or a web page that was
 * sent instead. So an unusable file is requested once more, bypassing that cache.
 * @throws BundleError naming the file; the signal's reason if it aborts
 */
export async function readVerified(
  folder: Folder,
  name: string,
  expected: FileRecord,
  options: Pick<ReadOptions, 'onBytes' | 'signal'> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const read = async (cache?: 'reload') => {
    const bytes = await readFile(folder, name, { ...options, cache, maxBytes: expected.bytes });
    await verify(bytes, folder.nameOf(name), expected);
    return bytes;
  };
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof BundleError) || error.code === 'unreachable') throw error;
    return read('reload');
  }
}

/** Whether the error means that a file does not match the manifest. */
export function isMismatch(error: unknown): boolean {
  return error instanceof BundleError && (error.code === 'file-altered' || error.code === 'file-truncated');
}

async function verify(bytes: Uint8Array<ArrayBuffer>, file: string, expected: FileRecord): Promise<void> {
  if (bytes.length < expected.bytes) {
    throw new BundleError(
      'file-truncated',
      `${file}: ${bytes.length} bytes, the manifest says ${expected.bytes}; copy the bundle again`,
    );
  }
  if (bytes.length > expected.bytes || (await sha256(bytes)) !== expected.sha256) {
    throw new BundleError('file-altered', `${file}: its SHA-256 is not the manifest's; copy the whole bundle again`);
  }
}
