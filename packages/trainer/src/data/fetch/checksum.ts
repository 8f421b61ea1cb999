// Published checksums of files, and the computation of a file's digest.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** The expected digest of a file's bytes, in hexadecimal. */
export interface Checksum {
  readonly algorithm: 'sha256' | 'md5';
  readonly digest: string;
}

/** Computes the digest of a file's bytes, in hexadecimal. */
export async function fileDigest(path: string, algorithm: Checksum['algorithm']): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
