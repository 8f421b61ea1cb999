/** Reads a whole file of any size into memory, with progress. */
import { open } from 'node:fs/promises';
import { UnrollError } from '../errors.js';
import { megabytes, Progress } from '../terminal/progress.js';

const chunkBytes = 16 * 2 ** 20;

/**
 * Reads a file.
 * @throws UnrollError naming the file if it cannot be read; the signal's reason when it aborts
 */
export async function readWholeFile(path: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const bytes = new Uint8Array(size);
    const progress = new Progress(`reading ${path}`, megabytes(size), 'MB');
    try {
      for (let position = 0; position < size; ) {
        const { bytesRead } = await file.read(bytes, position, Math.min(chunkBytes, size - position), position);
        if (bytesRead === 0) throw new UnrollError(`${path}: became shorter while it was read; run again`);
        position += bytesRead;
        signal.throwIfAborted();
        progress.update(megabytes(position));
      }
    } finally {
      progress.stop();
    }
    return bytes;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof UnrollError || code === undefined) throw error;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new UnrollError(`${path}: ${why}; give the file that was saved`);
  }
}
