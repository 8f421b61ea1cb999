/** A process of the run on its machine. If anything ends it before its work is done, it is started again, as by a scheduler. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The values of a proxy's variables when there is one; nobody listens there. */
const proxy = 'http://127.0.0.1:9';

/** The layout of `struct page` in faults.c. */
const pageBytes = 16;

export class Machine {
  #command;
  #environment;
  #log;
  #random;
  #page;
  #disk = { milliseconds: 0, isFull: false };
  #clockSeconds = 0;
  #child;
  #isOver = false;

  /**
   * @param options.name its name in the log
   * @param options.command the command that it runs, within its namespace
   * @param options.environment variables in addition to this process's own
   * @param options.shim the library made from faults.c
   * @param options.page the file that tells the shim about faults
   * @param options.folder the folder on the disk that is slow or full at times
   * @param options.random decides whether a process finds a proxy in its environment
   * @param options.log receives lines
   */
  constructor({ name, command, environment, shim, page, folder, random, log }) {
    this.name = name;
    this.#command = command;
    this.#page = openSync(page, 'w+');
    this.#environment = { ...environment, LD_PRELOAD: shim, CHAOS_PAGE: page, CHAOS_FOLDER: folder };
    this.#random = random;
    this.#log = log;
    this.#writePage();
  }

  /** Runs the process until it ends with status 0. */
  async run() {
    while (!this.#isOver) {
      const proxies = this.#random() < 0.5 ? { http_proxy: proxy, https_proxy: proxy, grpc_proxy: proxy } : {};
      const settings = Object.entries({ ...this.#environment, ...proxies }).map(([key, value]) => `${key}=${value}`);
      const [program, ...rest] = this.#command('env', ...settings);
      this.#child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
      this.#child.stderr.setEncoding('utf8').on('data', (text) => {
        for (const line of text.trim().split('\n')) this.#log(`  ${this.name}: ${line}`);
      });
      const [status, signal] = await once(this.#child, 'close');
      if (status === 0) this.#isOver = true;
      else if (!this.#isOver) {
        this.#log(`${this.name} ended with ${signal ?? status}; it is started again`);
        await sleep(1000);
      }
    }
  }

  get isOver() {
    return this.#isOver;
  }

  signal(name) {
    this.#child?.kill(name);
  }

  /** Ends the process for good. */
  end() {
    this.#isOver = true;
    this.signal('SIGKILL');
  }

  setDisk({ milliseconds = 0, isFull = false }) {
    this.#disk = { milliseconds, isFull };
    this.#writePage();
  }

  setClock(seconds) {
    this.#clockSeconds = seconds;
    this.#writePage();
  }

  #writePage() {
    const bytes = Buffer.alloc(pageBytes);
    bytes.writeBigInt64LE(BigInt(this.#clockSeconds), 0);
    bytes.writeUInt32LE(this.#disk.milliseconds, 8);
    bytes.writeUInt32LE(this.#disk.isFull ? 1 : 0, 12);
    writeSync(this.#page, bytes, 0, pageBytes, 0);
  }
}
