/** Reads a bundle's files over HTTP. The only source in a browser; in Node, `source.node.ts` adds the file system. */
import { BundleError } from '../errors.js';
import { type Folder, folderAtUrl } from './folder.js';
import { PolicyWatch } from './policy.js';
import { readStream } from './read-stream.js';
import { unreachable } from './unreachable.js';

export interface ReadOptions {
  /** Called as bytes arrive, with the number of bytes read so far. */
  readonly onBytes?: ((loadedBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the browser's HTTP cache must ask the server first (`no-cache`) or is bypassed (`reload`); by default,
   * headers decide.
   */
  readonly cache?: 'no-cache' | 'reload' | undefined;
  /** The most bytes that the file may have; reading stops there. */
  readonly maxBytes?: number | undefined;
}

/** Reads one file of a folder. */
export type ReadFile = (folder: Folder, name: string, options?: ReadOptions) => Promise<Uint8Array<ArrayBuffer>>;

/** The folder at a URL, which may be relative to the page or, in a worker, to the worker's script. */
export function folderAt(address: string | URL): Folder {
  return folderAtUrl(address, globalThis.document?.baseURI ?? globalThis.location?.href);
}

/**
 * Reads one file over HTTP.
 * @throws BundleError `file-missing`, also if the answer is a web page; `file-altered` for more than `maxBytes`;
 * `unreachable`; the signal's reason if it aborts
 */
export const readFile: ReadFile = async (folder, name, { onBytes, signal, cache, maxBytes } = {}) => {
  const file = folder.nameOf(name);
  const response = await request(folder.addressOf(name), file, signal, cache);
  // 204 and 205 count as ok, and in some browsers their body is an empty stream.
  const hasContent = response.ok && response.status !== 204 && response.status !== 205;
  if (!hasContent || !response.body) throw refused(file, response.status);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readStream(response.body, maxBytes, onBytes);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new BundleError('unreachable', `${file}: the connection broke while it was read; load it again`, { cause });
  }
  // Servers of single-page apps send a page for a missing file, and networks that require a log-in for any file.
  if (isPage(bytes)) {
    const remedy = "is this the address of the model's folder, and the network not waiting for a log-in?";
    throw new BundleError('file-missing', `${file}: the answer is a web page, not the file; ${remedy}`);
  }
  if (maxBytes !== undefined && bytes.length > maxBytes) {
    throw new BundleError('file-altered', `${file}: longer than the ${maxBytes} bytes that it should have`);
  }
  return bytes;
};

function refused(file: string, status: number): BundleError {
  switch (status) {
    case 404:
    case 410:
      return new BundleError(
        'file-missing',
        `${file}: not found (HTTP ${status}); is this the address of the model's folder?`,
      );
    case 401:
    case 403: {
      const remedy = 'object stores answer so for a missing file too: check the address, and who may read it';
      return new BundleError('file-missing', `${file}: refused (HTTP ${status}); ${remedy}`);
    }
    case 204:
    case 205:
      return new BundleError('file-missing', `${file}: the answer is empty (HTTP ${status}); check the server`);
    case 429:
      return new BundleError('unreachable', `${file}: too many requests (HTTP 429); wait, and load it again`);
    default:
      return new BundleError('unreachable', `${file}: HTTP status ${status}; check the server`);
  }
}

/** Whether the bytes begin like HTML or XML; no file of a model begins with `<`. */
function isPage(bytes: Uint8Array): boolean {
  return /^\uFEFF?\s*</.test(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, 256)));
}

async function request(
  address: string,
  file: string,
  signal: AbortSignal | undefined,
  cache: ReadOptions['cache'],
): Promise<Response> {
  const policy = new PolicyWatch();
  try {
    return await fetchOverLiveConnection(() => fetch(requestOf(address, cache), { signal: signal ?? null }));
  } catch (cause) {
    signal?.throwIfAborted();
    throw await unreachable(address, file, cause, await policy.violations());
  } finally {
    policy.stop();
  }
}

/** Fetches again if the server had closed the kept-alive connection. Browsers do this themselves, Node does not. */
async function fetchOverLiveConnection(send: () => Promise<Response>): Promise<Response> {
  try {
    return await send();
  } catch (error) {
    const code = ((error as Error).cause as { code?: string } | undefined)?.code;
    if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET') return send();
    throw error;
  }
}

/** Creates the request; without the cache option if the runtime has no HTTP cache and refuses the option. */
function requestOf(address: string, cache: ReadOptions['cache']): Request {
  try {
    return new Request(address, cache ? { cache } : {});
  } catch {
    return new Request(address);
  }
}
