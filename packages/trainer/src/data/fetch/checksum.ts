// Published checksums of files, and whether a file has the one that it should.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** What a file's bytes should hash to, in hexadecimal. */
export interface Checksum {
  readonly algorithm: 'sha256' | 'md5';
  readonly digest: string;
}

/** The digest of a file's bytes, in hexadecimal. */
export async function fileDigest(path: string, algorithm: Checksum['algorithm']): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
