/** Replaces a small file as a whole: whoever is interrupted leaves the old contents or the new ones. */
import { renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { unfinishedIn } from './unfinished.js';

/** @throws the file system's error */
export function replaceFile(path: string, contents: string): void {
  const unfinished = unfinishedIn(dirname(path));
  writeFileSync(unfinished, contents);
  renameSync(unfinished, path);
}
