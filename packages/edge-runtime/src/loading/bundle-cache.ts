/**
 * Verified bundles in the browser's Cache API, so that a page starts without the network. A file lies under its URL and
 * SHA-256; a bundle is stored when all of it has been verified, so that what is stored is whole.
 */
import { type BundleFile, manifestFile } from '../bundle/manifest.js';

const cacheName = 'unroll-bundles-1';

/** What is stored of the bundles of this origin. */
export class BundleCache {
  readonly #cache: Cache;

  private constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** The cache of this origin; undefined in Node, and where the browser refuses to store. */
  static async open(): Promise<BundleCache | undefined> {
    if (!('caches' in globalThis)) return undefined;
    try {
      return new BundleCache(await caches.open(cacheName));
    } catch {
      return undefined;
    }
  }

  /** The manifest of the bundle at `base`, as it was when the bundle was stored. */
  manifest(base: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#find(fileUrl(base, manifestFile));
  }

  file(base: string, name: BundleFile, sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#find(versionUrl(base, name, sha256));
  }

  /** Stores a bundle in place of earlier versions. A full disk is no error: the next start downloads again. */
  async store(
    base: string,
    manifest: Uint8Array<ArrayBuffer>,
    files: readonly { name: BundleFile; sha256: string; bytes: Uint8Array<ArrayBuffer> }[],
  ): Promise<void> {
    const keep = new Set(files.map(({ name, sha256 }) => versionUrl(base, name, sha256)));
    try {
      for (const { name, sha256, bytes } of files) {
        const url = versionUrl(base, name, sha256);
        if (!(await this.#cache.match(url))) await this.#cache.put(url, new Response(bytes));
      }
      await this.#cache.put(fileUrl(base, manifestFile), new Response(manifest));
      for (const { name } of files) {
        const versions = await this.#cache.keys(fileUrl(base, name), { ignoreSearch: true });
        await Promise.all(versions.filter(({ url }) => !keep.has(url)).map((version) => this.#cache.delete(version)));
      }
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  }

  /** Forgets a file that turned out to be damaged. */
  async forget(base: string, name: BundleFile, sha256: string): Promise<void> {
    await this.#cache.delete(versionUrl(base, name, sha256));
  }

  async #find(url: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const response = await this.#cache.match(url);
    return response && new Uint8Array(await response.arrayBuffer());
  }
}

function fileUrl(base: string, name: string): string {
  return new URL(`${base.replace(/\/$/, '')}/${name}`, globalThis.location.href).href;
}

function versionUrl(base: string, name: string, sha256: string): string {
  return `${fileUrl(base, name)}?sha256=${sha256}`;
}
