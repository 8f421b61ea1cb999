/** A fingerprint of an application's training data. Checkpoints store it, as they store a text's. */
import { createHash } from 'node:crypto';

/** Returns the SHA-256 of the data's parts, in order, each preceded by its length. */
export function fingerprintOf(parts: Iterable<string | NodeJS.TypedArray>): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(`${typeof part === 'string' ? part.length : part.byteLength}:`);
    hash.update(part);
  }
  return hash.digest('hex');
}
