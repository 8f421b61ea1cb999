/** Reads a bundle's files in Node: from a folder, or over HTTP where the address is a URL. */
import { readFile as readFromDisk } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BundleError } from '../errors.js';
import { type ReadFile, readFile as readOverHttp } from './source.browser.js';

/** @throws BundleError `file-missing` or `unreachable`; the signal's reason if it aborts. */
export const readFile: ReadFile = async (base, name, options) => {
  if (/^https?:/.test(base)) return readOverHttp(base, name, options);
  const path = join(base.startsWith('file:') ? fileURLToPath(base) : base, name);
  try {
    const bytes = new Uint8Array(await readFromDisk(path, { signal: options.signal }));
    options.onBytes?.(bytes.length);
    return bytes;
  } catch (cause) {
    options.signal?.throwIfAborted();
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new BundleError('file-missing', `${path}: not found; is this a bundle's folder?`, { cause });
    }
    throw new BundleError('unreachable', `${path}: cannot be read (${(cause as Error).message})`, { cause });
  }
};
