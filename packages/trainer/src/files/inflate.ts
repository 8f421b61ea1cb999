/** Inflates gzip files of others, within a bound that no honest file reaches. */
import { gunzipSync } from 'node:zlib';

/** Texts and recordings are not compressed as far as this. */
const greatestRatio = 100;
/** Inflated bytes that are always permitted: small files of little variety. */
const unsuspicious = 2 ** 26;

/**
 * Inflates a gzip file.
 * @throws RangeError if it inflates beyond measure; zlib's error if it is damaged
 */
export function gunzip(bytes: Uint8Array): Uint8Array {
  const maxOutputLength = Math.max(unsuspicious, greatestRatio * bytes.length);
  try {
    return gunzipSync(bytes, { maxOutputLength });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error;
    throw new RangeError(`its ${bytes.length} bytes inflate to more than ${maxOutputLength}, which no data does`);
  }
}
