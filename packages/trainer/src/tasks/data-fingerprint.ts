/** A fingerprint of an application's training data; kept in checkpoints, as a text's is. */
import { createHash } from 'node:crypto';

/** The SHA-256 of the data's parts, in their order, each with its length. */
export function fingerprintOf(parts: Iterable<string | NodeJS.TypedArray>): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(`${typeof part === 'string' ? part.length : part.byteLength}:`);
    hash.update(part);
  }
  return hash.digest('hex');
}
