/**
 * Stores verified bundles in the browser's Cache API, so that a page starts without the network. A file's key is its
 * URL and SHA-256. A bundle is stored only after all of it has been verified, so stored bundles are complete. No method
 * throws: after its first failure the cache does nothing, and `problem` says why.
 */
import { type Folder, folderAtUrl } from '../bundle/folder.js';
import { type BundleFile, type Manifest, manifestFile, modelFile, tokenizerFile } from '../bundle/manifest.js';
import { inTime, patience, storageProblem } from './storage-use.js';

const cacheName = 'unroll-bundles-1';

/** The files of a bundle, verified. */
export interface BundleContents {
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array<ArrayBuffer>;
  readonly tokenizer: Uint8Array<ArrayBuffer>;
  readonly model: Uint8Array<ArrayBuffer>;
}

/** The stored bundles of this origin. */
export class BundleCache {
  readonly #cache = openCache();
  #problem: string | undefined;

  constructor() {
    this.#cache.catch(() => {}); // each use reports the failure
  }

  /** Why nothing is stored or found; undefined as long as all works. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The manifest of the bundle in `folder`, as of when the bundle was stored. */
  manifest(folder: Folder): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#find(folder.nameOf(manifestFile));
  }

  file(folder: Folder, name: BundleFile, sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#find(versionUrl(folder, name, sha256));
  }

  /** Stores a bundle and deletes earlier versions of it. */
  async store(folder: Folder, { manifest, manifestBytes, tokenizer, model }: BundleContents): Promise<void> {
    const files = new Map([
      [versionUrl(folder, tokenizerFile, manifest.files[tokenizerFile].sha256), tokenizer],
      [versionUrl(folder, modelFile, manifest.files[modelFile].sha256), model],
    ]);
    await this.#try(patience.writing, async (cache) => {
      await putAll(cache, files);
      const manifestUrl = folder.nameOf(manifestFile);
      await cache.put(manifestUrl, new Response(manifestBytes));
      const old = (await cache.keys()).filter(
        ({ url }) => url !== manifestUrl && !files.has(url) && folderOfFile(url) === folder.key,
      );
      await Promise.all(old.map((request) => cache.delete(request)));
    });
  }

  /** Deletes a file that turned out to be damaged. */
  async forget(folder: Folder, name: BundleFile, sha256: string): Promise<void> {
    await this.#try(patience.writing, (cache) => cache.delete(versionUrl(folder, name, sha256)));
  }

  #find(url: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#try(patience.reading, async (cache) => {
      const response = await cache.match(url);
      return response && new Uint8Array(await response.arrayBuffer());
    });
  }

  async #try<Result>(limit: number, operation: (cache: Cache) => Promise<Result>): Promise<Result | undefined> {
    if (this.#problem !== undefined) return undefined;
    try {
      return await inTime(limit, async () => operation(await this.#cache));
    } catch (error) {
      this.#problem = storageProblem(error);
      return undefined;
    }
  }
}

/** Stores the files that are missing; if there is no room for all, stores none. */
async function putAll(cache: Cache, files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Promise<void> {
  const added: string[] = [];
  try {
    for (const [url, bytes] of files) {
      if (await cache.match(url)) continue;
      added.push(url);
      await cache.put(url, new Response(bytes));
    }
  } catch (error) {
    await Promise.all(added.map((url) => cache.delete(url)));
    throw error;
  }
}

/**
 * Opens the cache. Reading `caches` throws in a sandbox that denies it; Node has no caches. Those of Deno and workerd
 * belong to no page and cannot list their content, so old versions would stay forever.
 */
async function openCache(): Promise<Cache> {
  if (!globalThis.location || !globalThis.caches)
    throw new DOMException('this runtime has no Cache API of a page', 'NotSupportedError');
  return caches.open(cacheName);
}

function versionUrl(folder: Folder, name: BundleFile, sha256: string): string {
  return `${folder.nameOf(name)}?sha256=${sha256}`;
}

/**
 * The key of the folder from which a stored file was read. Earlier versions stored some files under other addresses of
 * the folder.
 */
function folderOfFile(url: string): string {
  const { origin, pathname } = new URL(url);
  return folderAtUrl(pathname.replace(/[^/]*$/, ''), origin).key;
}
