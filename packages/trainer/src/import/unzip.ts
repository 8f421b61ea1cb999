/** Unpacks files of an untrusted zip. A few bytes that claim to unpack to very many are refused before memory is allocated. */
import { unzipSync } from 'fflate';
import { firstLine, UnrollError } from '../errors.js';

/** Unpacked size that is always permitted, in bytes. PyTorch and Keras store weights uncompressed. */
const unsuspicious = 2 ** 30;
const greatestRatio = 100;

/**
 * Returns the wanted files by name. No file becomes longer than the zip's directory declares, because that much memory
 * is allocated.
 * @param file its name, for errors
 * @throws UnrollError naming the file if it is damaged, or if it declares a size that no model's weights unpack to
 */
export function unzip(
  bytes: Uint8Array,
  file: string,
  wanted: (name: string) => boolean,
): Record<string, Uint8Array<ArrayBufferLike>> {
  let declared = 0;
  const sizes = new Map<string, number>();
  try {
    const files = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (!wanted(name)) return false;
        sizes.set(name, originalSize);
        declared += originalSize;
        if (declared > Math.max(unsuspicious, greatestRatio * bytes.length)) {
          throw new UnrollError(
            `${file}: ${bytes.length} bytes claim to unpack to ${declared} or more, which no weights do; save the model again`,
          );
        }
        return true;
      },
    });
    for (const [name, { length }] of Object.entries(files)) {
      if (length !== sizes.get(name)) throw new Error(`${name} has ${length} of ${sizes.get(name)} bytes`);
    }
    return files;
  } catch (error) {
    if (error instanceof UnrollError) throw error;
    throw new UnrollError(`${file}: cannot be unpacked (${firstLine(error)}); was it cut off?`);
  }
}
