// A process that must stay alive and quiet: follows its memory, what it writes, and how it ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** Matches what a server must never write: a stack trace, or a warning of Node's. */
const unfit = /^\s+at .+(?::\d+:\d+|<anonymous>)|\bUncaught\b|\bunhandled\b|\((?:node|Use `node):?.*Warning/im;

export class WatchedProcess {
  name;
  /** The greatest resident memory so far, in bytes. */
  peakMemory = 0;
  lines = [];
  ended;
  #child;
  #timer;
  #isExpected = false;

  /** @param options.fault called with what is wrong */
  constructor(name, args, { env = {}, memory = Number.POSITIVE_INFINITY, fault }) {
    this.name = name;
    this.#child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.lines.push(...text.trimEnd().split('\n'));
      if (unfit.test(text)) fault(`${name} wrote: ${text.trim().slice(0, 2000)}`);
    });
    this.ended = once(this.#child, 'close').then(([code, signal]) => {
      clearInterval(this.#timer);
      return { code, signal, isExpected: this.#isExpected };
    });
    this.#timer = setInterval(() => {
      this.peakMemory = Math.max(this.peakMemory, residentBytes(this.#child.pid));
      if (this.peakMemory > memory) fault(`${name} takes ${Math.round(this.peakMemory / 2 ** 20)} MiB of memory`);
    }, 100);
  }

  get pid() {
    return this.#child.pid;
  }

  /** Resolves with the next message that has the field. */
  async message(field) {
    for (;;) {
      const [message] = await Promise.race([
        once(this.#child, 'message'),
        this.ended.then(() => {
          throw new Error(`${this.name} has ended: ${this.lines.at(-1)}`);
        }),
      ]);
      if (field in message) return message;
    }
  }

  onMessage(listener) {
    this.#child.on('message', listener);
  }

  send(message) {
    if (this.#child.connected) this.#child.send(message);
  }

  /** Ends the process, so that its end is no fault. */
  async end(signal = 'SIGTERM') {
    this.#isExpected = true;
    this.#child.kill(signal);
    await this.ended;
  }
}

/** Linux only; elsewhere 0. */
function residentBytes(pid) {
  try {
    const kilobytes = /VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return 1024 * Number(kilobytes ?? 0);
  } catch {
    return 0;
  }
}
