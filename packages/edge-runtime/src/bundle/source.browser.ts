/** Reads a bundle's files over HTTP. The only source in a browser; in Node, `source.node.ts` adds the file system. */
import { BundleError } from '../errors.js';

export interface ReadOptions {
  /** Called with the number of bytes read so far, as they arrive. */
  readonly onBytes?: (loadedBytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Reads one file of the bundle at `base`, a folder's URL with or without the last slash. */
export type ReadFile = (base: string, name: string, options: ReadOptions) => Promise<Uint8Array<ArrayBuffer>>;

/** @throws BundleError `file-missing` or `unreachable`; the signal's reason if it aborts. */
export const readFile: ReadFile = async (base, name, { onBytes, signal }) => {
  const url = `${base.replace(/\/$/, '')}/${name}`;
  const response = await request(url, signal);
  if (response.status === 404) {
    throw new BundleError('file-missing', `${url}: not found (HTTP 404); is this the address of a bundle's folder?`);
  }
  if (!response.ok || !response.body) {
    throw new BundleError('unreachable', `${url}: HTTP status ${response.status}; check the server`);
  }
  try {
    return await readAll(response.body, onBytes);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new BundleError('unreachable', `${url}: the connection broke while it was read; load it again`, { cause });
  }
};

async function readAll(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onBytes: ReadOptions['onBytes'],
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let loadedBytes = 0;
  const reader = body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    chunks.push(read.value);
    loadedBytes += read.value.length;
    onBytes?.(loadedBytes);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

async function request(url: string, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(url, { signal: signal ?? null });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new BundleError('unreachable', `${url}: cannot be fetched; check the connection and, across origins, CORS`, {
      cause,
    });
  }
}
