/** JSON as bundles store it where it is large: deflated, in zlib's format, by what browsers and Node both have. */

export async function deflateJson(value: object): Promise<Uint8Array<ArrayBuffer>> {
  return through(new CompressionStream('deflate'), new TextEncoder().encode(JSON.stringify(value)));
}

/** @throws TypeError, SyntaxError if the bytes are not what {@link deflateJson} makes */
export async function inflateJson(bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await through(new DecompressionStream('deflate'), bytes)));
}

async function through(
  stream: CompressionStream | DecompressionStream,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}
