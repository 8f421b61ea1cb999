/** Reads a stream to its end or to a limit, so that a file's declared size bounds what is read. */

/**
 * Reads the bytes of a stream. Stops once there are more than `maxBytes`; a longer result shows that the stream is too
 * long.
 * @param onBytes called with the number of bytes so far
 */
export async function readStream(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes = Number.POSITIVE_INFINITY,
  onBytes?: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let count = 0;
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    chunks.push(read.value);
    count += read.value.length;
    if (count > maxBytes) {
      await reader.cancel();
      break;
    }
    onBytes?.(count);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
