// The processes that tests start, as Linux tells of them; on other systems none are found, and none are ended.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The variable that every process of a run of tests has in its environment; its value is the run's own. */
export const runVariable = 'UNROLL_TEST_RUN';

/** The ids of the children of a process. */
export function childrenOf(pid) {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** Kills these processes and all their descendants, also those that are stopped. */
export function killTrees(pids) {
  for (const pid of pids) {
    // Before the parent is gone, which is what tells whose children they are.
    const children = childrenOf(pid);
    kill(pid);
    killTrees(children);
  }
}

/** The ids of the processes that belong to a run of tests, but for the one that asks. */
export function processesOf(run) {
  if (!existsSync('/proc/self/environ')) return [];
  const marked = (pid) => `\0${read(`/proc/${pid}/environ`)}`.includes(`\0${runVariable}=${run}\0`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && marked(pid));
}

/** Kills a process; that it has ended by itself is no error. */
export function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Empty for a process that has ended, or is somebody else's. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
