/** Reads a bundle's files in Node: from a folder, or over HTTP if the address is a URL. */
import { readFile as readFromDisk } from 'node:fs/promises';
import { normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BundleError } from '../errors.js';
import { Folder, withoutEnd } from './folder.js';
import { folderAt as folderOverHttp, type ReadFile, readFile as readOverHttp } from './source.browser.js';

const overHttp = /^https?:/i;

/** An address that is not a path: its scheme is followed by two slashes, or it contains the data itself. */
const otherScheme = /^(?:[a-z][a-z\d+.-]*:(?=\/\/)|data:|blob:)/i;

/**
 * The folder at a URL, or at a path.
 * @throws BundleError `unreachable` for a URL that is neither http, https nor a local file's
 */
export function folderAt(address: string | URL): Folder {
  const given = String(address);
  if (overHttp.test(given)) return folderOverHttp(given);
  const isUrl = typeof address === 'object' || otherScheme.test(given);
  if (isUrl && !/^file:/i.test(given)) {
    const [scheme] = /^[^:]*:/.exec(given)!;
    const message = `'${given}': nothing is read from ${scheme} addresses; give one of http or https, or a path`;
    throw new BundleError('unreachable', message);
  }
  return new Folder(withoutEnd(normalize(/^file:/i.test(given) ? pathOf(given) : given)));
}

function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new BundleError('unreachable', `'${url}': is no local file (${(cause as Error).message}); give its path`, {
      cause,
    });
  }
}

/**
 * Reads one file from the disk, or over HTTP.
 * @throws BundleError `file-missing`, `file-altered` or `unreachable`; the signal's reason if it aborts
 */
export const readFile: ReadFile = async (folder, name, options = {}) => {
  if (overHttp.test(folder.key)) return readOverHttp(folder, name, options);
  const path = folder.addressOf(name);
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
