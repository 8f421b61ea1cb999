// Finds and kills processes that tests start. It reads Linux's /proc; on other systems it finds none and ends none.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The environment variable of every process of a test run; its value identifies the run. */
export const runVariable = 'UNROLL_TEST_RUN';

/** The ids of the children of a process. */
export function childrenOf(pid) {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** Kills these processes and all their descendants, including stopped ones. */
export function killTrees(pids) {
  for (const pid of pids) {
    // Read the children first: once the parent is gone, nothing tells whose children they are.
    const children = childrenOf(pid);
    kill(pid);
    killTrees(children);
  }
}

/** The ids of the processes that belong to a run of tests, except the calling one. */
export function processesOf(run) {
  if (!existsSync('/proc/self/environ')) return [];
  const marked = (pid) => `\0${read(`/proc/${pid}/environ`)}`.includes(`\0${runVariable}=${run}\0`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && marked(pid));
}

/** Kills a process; ignores that it has already ended. */
export function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Reads a file of /proc; empty if the process has ended or belongs to another user. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
