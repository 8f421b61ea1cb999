/**
 * The folder of a bundle or a model. Its address is normalised once, so that a folder has one key in every cache and
 * database, no matter how a page writes its address.
 */
import { BundleError } from '../errors.js';

export class Folder {
  readonly #query: string;

  /**
   * @param key name of the folder in storage and in messages: a URL or a path, without the last slash
   * @param query end of the folder's address, such as a signature; not part of its identity
   */
  constructor(
    readonly key: string,
    query = '',
  ) {
    this.#query = query;
  }

  /** A file's name in messages. The query is left out, because it may be a secret. */
  nameOf(file: string): string {
    return `${this.key}/${file}`;
  }

  /** The address from which a file is read. */
  addressOf(file: string): string {
    return `${this.nameOf(file)}${this.#query}`;
  }

  /** The address to pass to another thread. */
  get address(): string {
    return `${this.key}/${this.#query}`;
  }
}

/**
 * The folder at a URL. URL itself normalises host, port and dots. This function normalises slashes and `manifest.json`
 * at the end, unnecessary escapes (RFC 3986, section 6.2.2), query and hash.
 * @throws BundleError `unreachable` if nothing can be fetched from such an address
 */
export function folderAtUrl(address: string | URL, base?: string): Folder {
  const url = parsed(address, base);
  const query = url.search;
  if (url.username || url.password) {
    const message = `an address at ${url.host} has a user name in it, which browsers do not fetch; leave it out`;
    throw new BundleError('unreachable', message);
  }
  url.search = '';
  url.hash = '';
  url.pathname = normalEscapes(url.pathname);
  return new Folder(withoutEnd(url.href), query);
}

function parsed(address: string | URL, base: string | undefined): URL {
  try {
    return new URL(address, base);
  } catch {
    throw new BundleError(
      'unreachable',
      `'${address}': is no address here; give a whole one, such as https://…/model/`,
    );
  }
}

/** Removes slashes, or the name of the manifest, from the end of a path. */
export function withoutEnd(path: string): string {
  return path.replace(/(?:\/+manifest\.json)?\/*$/, '');
}

function normalEscapes(path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : triplet.toUpperCase();
  });
}
