// The published size and digest of a file, and the computation of a file's digest.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** The bytes that a file must have, by their checksum. */
export interface Checksum {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Computes the SHA-256 of a file's bytes, in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
