/** Deflates the large JSON files of bundles in zlib's format, with functions that browsers and Node both have. */
import { readStream } from './read-stream.js';

/** Limit for bundles that do not declare an inflated size: more than any tokenizer or configuration takes. */
const largestJson = 2 ** 27;

export async function deflateJson(value: object): Promise<{ bytes: Uint8Array<ArrayBuffer>; inflatedBytes: number }> {
  const json = new TextEncoder().encode(JSON.stringify(value));
  const bytes = await readStream(new Blob([json]).stream().pipeThrough(new CompressionStream('deflate')));
  return { bytes, inflatedBytes: json.length };
}

/**
 * Inflates and parses JSON.
 * @param maxBytes the most bytes to inflate to, because a crafted file can inflate to a thousand times its size
 * @throws RangeError beyond `maxBytes`; TypeError, SyntaxError if {@link deflateJson} did not write the bytes
 */
export async function inflateJson(bytes: Uint8Array<ArrayBuffer>, maxBytes = largestJson): Promise<unknown> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const json = await readStream(stream, maxBytes);
  if (json.length > maxBytes) throw new RangeError(`inflates to more than ${maxBytes} bytes`);
  return JSON.parse(new TextDecoder().decode(json));
}
