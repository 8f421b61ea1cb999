/** For tests: finds the processes that a launcher has started, on Linux. */

import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** Whether this system shows the children of a process. */
export const canFindProcesses = existsSync(`/proc/${process.pid}/task/${process.pid}/children`);

/** Returns the ids of a launcher's processes that run this command of `unroll`, in the order in which they started. */
export function launched({ pid }: ChildProcess, command: 'worker' | 'param-server'): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter((child) => child.trim() !== '' && commandLine(child).includes(command))
    .map(Number);
}

/** Returns the id of the launcher's worker, or parameter server, with this index; empty while it is being restarted. */
export function launchedAs(launcher: ChildProcess, command: 'worker' | 'param-server', index: number): number[] {
  const flag = command === 'worker' ? '--worker' : '--shard';
  return launched(launcher, command).filter((pid) => {
    const words = commandLine(String(pid));
    return words[words.indexOf(flag) + 1] === String(index);
  });
}

/** Returns a variable of the environment in which a process started; undefined if it is not set. */
export function variableOf(pid: number, name: string): string | undefined {
  const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return variables.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Kills all processes of a launcher that run its command except the first, each time one of these epochs has ended. */
export async function killAfterEpochs(
  { child, logged }: { child: ChildProcess; logged: (line: RegExp) => Promise<unknown> },
  kills: readonly (readonly [epoch: number, command: 'worker' | 'param-server'])[],
): Promise<void> {
  for (const [epoch, command] of kills) {
    await logged(new RegExp(`^epoch ${epoch}/`, 'm'));
    for (const pid of launched(child, command).slice(1)) process.kill(pid, 'SIGKILL');
  }
}

/** Returns the words of a process's command line, as `ps` shows them to every user. */
export function commandLine(pid: number | string): string[] {
  // A process that has just ended has no command line.
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : [];
}
