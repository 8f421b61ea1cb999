/** JSON as bundles store it where it is large: deflated, in zlib's format, by what browsers and Node both have. */
import { readStream } from './read-stream.js';

/** More than any tokenizer or configuration takes, for bundles that do not say how much it is. */
const largestJson = 2 ** 27;

export async function deflateJson(value: object): Promise<{ bytes: Uint8Array<ArrayBuffer>; inflatedBytes: number }> {
  const json = new TextEncoder().encode(JSON.stringify(value));
  const bytes = await readStream(new Blob([json]).stream().pipeThrough(new CompressionStream('deflate')));
  return { bytes, inflatedBytes: json.length };
}

/**
 * @param maxBytes what it may inflate to: a few bytes can be made that inflate to a thousand times as many
 * @throws RangeError beyond `maxBytes`; TypeError, SyntaxError if the bytes are not what {@link deflateJson} makes
 */
export async function inflateJson(bytes: Uint8Array<ArrayBuffer>, maxBytes = largestJson): Promise<unknown> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const json = await readStream(stream, maxBytes);
  if (json.length > maxBytes) throw new RangeError(`inflates to more than ${maxBytes} bytes`);
  return JSON.parse(new TextDecoder().decode(json));
}
