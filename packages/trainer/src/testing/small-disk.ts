/** For tests: a file system of a given size at a folder, where this process may mount one. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** Unmounts when disposed. */
export interface SmallDisk extends Disposable {
  /** Nothing can be written from now on. */
  makeReadOnly(): void;
}

/** @returns undefined where mounting is not permitted: only root may, on Linux */
export function mountSmallDisk(folder: string, bytes: number): SmallDisk | undefined {
  mkdirSync(folder, { recursive: true });
  const run = (...command: [string, ...string[]]) => execFileSync(command[0], command.slice(1), { stdio: 'ignore' });
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder);
  } catch {
    return undefined;
  }
  return {
    makeReadOnly: () => run('mount', '-o', 'remount,ro', folder),
    [Symbol.dispose]: () => run('umount', folder),
  };
}
