/** Unpacks files of a zip that comes from anywhere: what a few bytes claim to become is not given room. */
import { unzipSync } from 'fflate';
import { firstLine, UnrollError } from '../errors.js';

/** What a zip may always become, in bytes; PyTorch and Keras store weights as they are. */
const unsuspicious = 2 ** 30;
const greatestRatio = 100;

/**
 * The wanted files by name. None becomes longer than the zip's directory declares, for that is the room that it is given.
 * @param file for errors
 * @throws UnrollError naming the file if it is damaged, or if it declares more than a model's weights can be packed into
 */
export function unzip(
  bytes: Uint8Array,
  file: string,
  wanted: (name: string) => boolean,
): Record<string, Uint8Array<ArrayBufferLike>> {
  let declared = 0;
  try {
    return unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (!wanted(name)) return false;
        declared += originalSize;
        if (declared > Math.max(unsuspicious, greatestRatio * bytes.length)) {
          throw new UnrollError(
            `${file}: ${bytes.length} bytes claim to unpack to ${declared} or more, which no weights do; save the model again`,
          );
        }
        return true;
      },
    });
  } catch (error) {
    if (error instanceof UnrollError) throw error;
    throw new UnrollError(`${file}: cannot be unpacked (${firstLine(error)}); was it cut off?`);
  }
}
