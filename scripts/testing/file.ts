// For every file of tests: when a test ends, in whatever way, ends the processes that it started.
import { afterAll, afterEach, beforeEach } from 'vitest';
import { childrenOf, killTrees } from './processes.mjs';

let before: readonly number[] = [];

beforeEach(() => {
  before = childrenOf(process.pid);
});

// Hooks run in reverse order, so these run after those of the file, which may end processes in an orderly way.
afterEach(() => killTrees(childrenOf(process.pid).filter((pid) => !before.includes(pid))));
afterAll(() => killTrees(childrenOf(process.pid)));
