/** Reads files that contain a secret. Refuses those that other users of the machine can open, as ssh does. */
import { open } from 'node:fs/promises';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from './file-error.js';

/** The permission bits of a file's group and of all others. */
const othersPermissions = 0o077;

/**
 * Reads a secret. The permissions of another user's file are not checked: whoever mounts a secret decides about them.
 * @param flag the flag that named the file
 * @throws UnrollError if the file cannot be read, or belongs to this user and is open to others
 */
export async function readSecretFile(flag: string, path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const stats = await file.stat();
    if (stats.isDirectory()) throw new UnrollError(`${flag} ${path}: is a folder; name the file in it`);
    const { mode, uid } = stats;
    if (uid === process.getuid?.() && (mode & othersPermissions) !== 0) {
      const permissions = (mode & 0o777).toString(8).padStart(4, '0');
      throw new UnrollError(
        `${flag} ${path}: other users of this machine can open it (permissions ${permissions}); run chmod 600 ${path}`,
      );
    }
    return await file.readFile('utf8');
  } catch (error) {
    if (error instanceof UnrollError) throw error;
    throw new UnrollError(`${flag} ${path}: cannot be read: ${fileErrorReason(error)}`);
  }
}
