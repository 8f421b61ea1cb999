/** Identifies a process, so that another process of the same machine can tell whether it still runs. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface MachineProcess {
  readonly host: string;
  /** Equal for processes that see each other's ids: the machine's boot and, in containers, the namespace of ids. */
  readonly machine: string;
  readonly pid: number;
  /** When the process started, in the kernel's ticks since the boot; empty where the system does not say. */
  readonly started: string;
}

/** Returns the identity of this process. */
export function thisProcess(): MachineProcess {
  const { pid } = process;
  return { host: hostname(), machine: thisMachine(), pid, started: startOf(pid) ?? '' };
}

/** Returns whether a process runs; undefined if it is on another machine, or in another container. */
export function isRunning({ machine, pid, started }: MachineProcess): boolean | undefined {
  if (machine !== thisMachine()) return undefined;
  const found = startOf(pid);
  if (found !== undefined && started !== '') return found === started;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user may not be signalled.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function thisMachine(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Returns when a process started; empty if it has ended, undefined where the system does not say. See `man 5 proc`. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field, the program's name in brackets, may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return /[ZX]/.test(fields[0]!) ? '' : fields[19]!;
  } catch {
    return process.platform === 'linux' ? '' : undefined;
  }
}
