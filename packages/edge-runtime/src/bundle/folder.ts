/**
 * The folder of a bundle or a model. Its address is normalised once, so that one folder has one key in every cache and
 * database, however a page writes its address.
 */
import { BundleError } from '../errors.js';

export class Folder {
  readonly #query: string;

  /**
   * @param key Names the folder in storage and in messages: a URL or a path, without the last slash.
   * @param query What the folder's address ends in, such as a signature; no part of its identity.
   */
  constructor(
    readonly key: string,
    query = '',
  ) {
    this.#query = query;
  }

  /** A file's name in messages. It lacks the query, which may be a secret. */
  nameOf(file: string): string {
    return `${this.key}/${file}`;
  }

  /** The address that a file is read from. */
  addressOf(file: string): string {
    return `${this.nameOf(file)}${this.#query}`;
  }

  /** The address as another thread may be given it. */
  get address(): string {
    return `${this.key}/${this.#query}`;
  }
}

/**
 * The folder at a URL. Host, port and dots are normalised by URL itself; here, slashes at the end, `manifest.json` at the
 * end, escapes that need none (RFC 3986, section 6.2.2), query and hash.
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

/** A path without slashes, or the name of the manifest, at its end. */
export function withoutEnd(path: string): string {
  return path.replace(/(?:\/+manifest\.json)?\/*$/, '');
}

function normalEscapes(path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : triplet.toUpperCase();
  });
}
