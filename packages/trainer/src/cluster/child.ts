/** A launched process: starts it, restarts it when it is killed, and reports its end. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { counted } from '@unroll/param-server/config';
import { inCodeVariable, isInCode, option } from '../configuration/option-names.js';
import { signalOfStatus, UnrollError } from '../errors.js';
import { log } from '../terminal/log.js';
import { outOfMemoryReason } from '../training/step-memory.js';
import { LastLine } from './last-line.js';
import type { ChildMessage, StopRequest } from './messages.js';
import { Restarts } from './restarts.js';

const command = fileURLToPath(new URL('../../bin/unroll.js', import.meta.url));

/**
 * Messages are allocated outside V8's heap but counted in it. With V8's small initial limit, they would trigger a
 * collection of the old generation at every step, which took a third of a server's time.
 */
const initialHeapMebibytes = 1024;

export interface ChildOptions {
  /** The name shown to the user: `worker 1`. */
  readonly name: string;
  /** Returns the arguments of `unroll`, for the first process or for one that replaces a killed one. */
  readonly args: (isRestart: boolean) => readonly string[];
  /** Variables that the process gets unless this process has them already. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Returns variables that the process gets even if this process has them already. */
  readonly secrets: (isRestart: boolean) => Readonly<Record<string, string>>;
  readonly onMessage: (message: ChildMessage) => void;
  /** Whether the run goes on without the process after a signal made it leave; otherwise it counts as killed. */
  readonly mayLeave: boolean;
  /** The greatest number of restarts in a row of a process that was killed soon after its start. */
  readonly maxRestarts: number;
}

/** Time limit for a process to clean up at its end, generous enough for a busy machine. */
const orderSeconds = 30;

/** The characters of a process's last lines that are kept: a fatal error of V8 ends with a trace. */
const mostTail = 8192;

/** How long a failure caused by another process waits for that process's own failure. */
const causeSeconds = 5;

export class Child {
  /** Resolves when the process has ended well. Rejects with its own last line if it failed, or was killed too often. */
  readonly ended: Promise<void>;
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  /** Aborted when the process must not be restarted. */
  readonly #stopping = new AbortController();

  constructor(options: ChildOptions) {
    this.#options = options;
    this.ended = this.#run();
    // It may reject before anybody awaits it; that is not an unhandled error.
    this.ended.catch(() => undefined);
  }

  /** Sends a message to the process, if it is running. */
  tell(message: StopRequest): void {
    if (this.#process?.connected) this.#process.send(message, () => undefined);
  }

  /** Kills the process for good. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#stopping.abort();
    const running = this.#process;
    if (!running) return;
    const exit = once(running, 'exit');
    running.kill(signal);
    const force = setTimeout(() => running.kill('SIGKILL'), 1000 * orderSeconds);
    await exit;
    clearTimeout(force);
  }

  /** Kills the process at once, without waiting. */
  kill(): void {
    this.#stopping.abort();
    this.#process?.kill('SIGKILL');
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Returns early when the process must not be restarted. */
  async #sleep(seconds: number): Promise<void> {
    await sleep(seconds * 1000, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { name, maxRestarts } = this.#options;
    const restarts = new Restarts(maxRestarts);
    for (let isRestart = false; ; isRestart = true) {
      const started = performance.now();
      const signal = await this.#runOnce(isRestart);
      if (signal === undefined || this.#isStopping) return;
      const pause = restarts.next((performance.now() - started) / 1000);
      if (pause === undefined) {
        throw new UnrollError(
          `${name}: was killed by ${signal}, after ${counted(restarts.count, 'restart')}; ${option('maxRestarts')} allows no more${hintOf(signal)}`,
        );
      }
      log(`${name} was killed by ${signal}: starting it again (${restarts.count} of ${maxRestarts})`, 'warning');
      await this.#sleep(pause);
      if (this.#isStopping) return;
    }
  }

  /**
   * Resolves with the signal that killed the process, or undefined if it ended well.
   * @throws UnrollError if it failed
   */
  async #runOnce(isRestart: boolean): Promise<NodeJS.Signals | undefined> {
    const { name, args, secrets, onMessage, mayLeave } = this.#options;
    const child = start(args(isRestart), { ...this.#options.environment, ...process.env, ...secrets(isRestart) });
    this.#process = child;
    const last = new LastLine();
    let tail = '';
    let peerLost = false;
    child.on('message', (message: ChildMessage) => {
      peerLost ||= message.type === 'peer-lost';
      onMessage(message);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      tail = `${tail}${text}`.slice(-mostTail);
      last.add(text);
    });
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    this.#process = undefined;
    const obeyed = signalOfStatus(code);
    if (code === 0 || (obeyed && mayLeave)) return undefined;
    // Started again, it would come to the same end.
    const exhausted = signal === 'SIGKILL' || obeyed ? undefined : outOfMemoryReason(tail);
    if (exhausted !== undefined && !last.isOfCommand) throw new UnrollError(`${name}: ${exhausted}`);
    if (signal ?? obeyed) return signal ?? obeyed;
    if (peerLost) await this.#sleep(causeSeconds);
    throw new UnrollError(`${name}: ${last.reason || `exited with status ${code}`}`);
  }
}

/** Systems that run out of memory kill a process without a word. */
function hintOf(signal: NodeJS.Signals): string {
  return signal === 'SIGKILL'
    ? `. If the machine has run out of memory, lower ${option('batchSize')} or ${option('workers')}`
    : '';
}

/** Starts a child in its own process group, so that Ctrl-C reaches only the launcher, which then stops its children. */
function start(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  // The launcher reads the child's lines; the last one may be the reason for its end.
  return fork(command, [...args, '--log-format', 'plain'], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    detached: true,
    execArgv: [`--initial-old-space-size=${initialHeapMebibytes}`],
    // A program that reads its lines knows options, not flags.
    env: isInCode() ? { ...env, [inCodeVariable]: '1' } : env,
  });
}
