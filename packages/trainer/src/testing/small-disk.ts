/** For tests: mounts a file system of a given size at a folder, if this process may. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** A mounted file system, unmounted on disposal. */
export interface SmallDisk extends Disposable {
  /** Makes all later writes fail. */
  makeReadOnly(): void;
}

/**
 * Mounts the file system.
 * @returns undefined if mounting is not permitted: only root may, on Linux
 */
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
