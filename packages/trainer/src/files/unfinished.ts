/** Names of what is being written beside its place. Such names are hidden, and the next writer of the folder removes them. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

const prefix = '.unroll-unfinished';

export function isUnfinished(name: string): boolean {
  return name.startsWith(prefix);
}

/** Returns a new path in a folder. */
export function unfinishedIn(folder: string): string {
  return join(folder, `${prefix}-${randomUUID()}`);
}
