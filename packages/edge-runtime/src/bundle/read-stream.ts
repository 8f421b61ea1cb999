/** Reads a stream to its end, or only so far: what is declared of a file bounds what is read of it. */

/**
 * The bytes of a stream. Stops once there are more than `maxBytes`, so that a longer result says that it is too long.
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
