/**
 * A lock as a file, so that two processes do not write into one folder. It holds on storage that several machines
 * share, where `flock` may not: the file is created exclusively, names its process, and is touched every few seconds.
 * The lock of a process of this machine that has ended is free at once. The lock of another machine's process is free
 * when it has not been touched for a while. That is measured by this process's own clock.
 */
import { randomUUID } from 'node:crypto';
import { open, rename, rm, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, type MachineProcess, thisProcess } from './machine-process.js';

export interface LockOptions {
  readonly path: string;
  /** This process's part, as in `worker 0`. */
  readonly role: string;
  /** Returns the error to throw if another process, named by `holder`, has the lock. */
  readonly refusal: (holder: string) => Error;
  /** A name that the processes of one run share. They may hold the lock together: the run decides who writes. */
  readonly run?: string | undefined;
  /** A name that only one process can have at a time, such as its address. A process that restarts has the same. */
  readonly place?: string | undefined;
  /** How long to wait for a process of this machine to end, in seconds. */
  readonly patienceSeconds?: number;
  /** Called with the holder if there is a wait for it; the returned function is called when the wait is over. */
  readonly onWait?: (holder: string) => () => void;
  readonly timing?: LockTiming;
}

/** In seconds. */
export interface LockTiming {
  /** The time between two touches of a lock that is held. */
  readonly touch: number;
  /** A lock of another machine that has not been touched for so long is free. */
  readonly stale: number;
  /** The time between two looks at a lock that is waited for. */
  readonly look: number;
}

const usualTiming: LockTiming = { touch: 5, stale: 30, look: 0.2 };

/** A process that was just killed, or that ends with its launcher, is gone within this time. */
const usualPatience = 5;

interface Holder extends MachineProcess {
  readonly id: string;
  readonly role: string;
  readonly run?: string | undefined;
  readonly place?: string | undefined;
}

interface Found {
  readonly text: string;
  /** Undefined while the file is being written, or if it is not ours. */
  readonly holder: Holder | undefined;
  readonly touched: number;
}

export class LockFile implements AsyncDisposable {
  readonly #options: LockOptions;
  readonly #timing: LockTiming;
  readonly #own: Holder;
  #timer: NodeJS.Timeout | undefined;
  #touching: Promise<void> = Promise.resolve();
  /** The process that has taken the lock from this one. */
  #lostTo: string | undefined;

  constructor(options: LockOptions) {
    const { role, run, place, timing = usualTiming } = options;
    this.#options = options;
    this.#timing = timing;
    this.#own = { id: randomUUID(), role, ...thisProcess(), run, place };
  }

  /** Takes the lock, unless this process holds it. @throws the refusal; the file system's error */
  async take(): Promise<void> {
    if (this.#timer) return;
    await this.#acquire();
    this.#lostTo = undefined;
    let isTouching = false;
    this.#timer = setInterval(() => {
      // A disk that hangs must not collect calls.
      if (isTouching) return;
      isTouching = true;
      this.#touching = this.#touch()
        .catch(() => undefined)
        .finally(() => {
          isTouching = false;
        });
    }, 1000 * this.#timing.touch).unref();
  }

  /** Looks whether another process has taken the lock, while this one stood still. @throws the refusal */
  async requireHeld(): Promise<void> {
    if (!this.#timer) return;
    // A disk that fails is reported by the write that follows.
    await this.#touch().catch(() => undefined);
    if (this.#lostTo !== undefined) throw this.#options.refusal(this.#lostTo);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#touching;
    const found = await this.#read().catch(() => undefined);
    if (found?.holder?.id === this.#own.id) await rm(this.#options.path, { force: true }).catch(() => undefined);
  }

  async #acquire(): Promise<void> {
    const { patienceSeconds = usualPatience, onWait = () => () => undefined, refusal } = this.#options;
    const began = performance.now();
    let seen: Found | undefined;
    let seenAt = began;
    let isTouched = false;
    let hasRemoved = false;
    let over: (() => void) | undefined;
    try {
      for (;;) {
        if (await this.#create()) {
          if (!hasRemoved) return;
          // Another process that removes the same lock may take this one for it, and puts it back.
          await sleep(1000 * this.#timing.look);
        }
        const found = await this.#read();
        if (!found) continue;
        if (found.holder?.id === this.#own.id) return;
        const now = performance.now();
        if (seen?.text !== found.text || seen.touched !== found.touched) {
          isTouched = seen?.text === found.text;
          [seen, seenAt] = [found, now];
        }
        const isFree = this.#isFree(found.holder, isTouched, (now - seenAt) / 1000);
        if (isFree) {
          await this.#remove(found);
          hasRemoved = true;
          continue;
        }
        const isOver = (now - began) / 1000 >= patienceSeconds;
        if (isFree === false && isOver) throw refusal(nameOf(found.holder));
        over ??= onWait(nameOf(found.holder));
        await sleep(1000 * this.#timing.look);
      }
    } finally {
      over?.();
    }
  }

  /** Returns whether a lock may be taken over; undefined if that is not known yet. */
  #isFree(holder: Holder | undefined, isTouched: boolean, untouched: number): boolean | undefined {
    const { run, place } = this.#own;
    if (run !== undefined && holder?.run === run) return true;
    const runs = holder && isRunning(holder);
    if (runs !== undefined) return !runs;
    if (place !== undefined && holder?.place === place) return true;
    if (isTouched) return false;
    return untouched >= this.#timing.stale ? true : undefined;
  }

  /** Creates the file if there is none. Returns whether it did. */
  async #create(): Promise<boolean> {
    const { path } = this.#options;
    try {
      await using file = await open(path, 'wx', 0o644);
      await file.writeFile(JSON.stringify(this.#own)).catch(async (error: unknown) => {
        // The disk is full.
        await rm(path, { force: true });
        throw error;
      });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** Opens the file to look at it: only then does NFS ask the server. Returns undefined if there is none. */
  async #read(): Promise<Found | undefined> {
    try {
      await using file = await open(this.#options.path, 'r');
      const text = await file.readFile('utf8');
      return { text, holder: parse(text), touched: (await file.stat()).mtimeMs };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Removes a lock that is free. Of several processes that do so at the same time, one succeeds. */
  async #remove(free: Found): Promise<void> {
    const { path } = this.#options;
    const aside = `${path}.${this.#own.id}`;
    try {
      await rename(path, aside);
      await using file = await open(aside, 'r');
      const isOther = (await file.readFile('utf8')) !== free.text;
      // Another process was quicker, and this is its lock.
      if (isOther) await rename(aside, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    } finally {
      await rm(aside, { force: true });
    }
  }

  /** Shows others that this process still runs, and looks whether the lock is still its own. */
  async #touch(): Promise<void> {
    const { path } = this.#options;
    const found = await this.#read();
    if (!found) await this.#create();
    else if (found.holder?.id === this.#own.id) {
      const now = new Date();
      await utimes(path, now, now);
    } else if (found.holder?.run === undefined || found.holder.run !== this.#own.run) {
      this.#lostTo = nameOf(found.holder);
    }
  }
}

/**
 * Looks whether a process holds the lock of this path, without taking part.
 * @param stale a lock of another machine that has not been touched for so many seconds counts as free
 */
export async function isLocked(path: string, stale = usualTiming.stale): Promise<boolean> {
  try {
    await using file = await open(path, 'r');
    const holder = parse(await file.readFile('utf8'));
    const touched = (Date.now() - (await file.stat()).mtimeMs) / 1000 < stale;
    return (holder && isRunning(holder)) ?? touched;
  } catch {
    return false;
  }
}

function parse(text: string): Holder | undefined {
  try {
    const { id, role, host, machine, pid, started, run, place } = JSON.parse(text) as Partial<Holder>;
    if (!id || !role || !host || !machine || !pid || started === undefined) return undefined;
    return { id, role, host, machine, pid, started, run, place };
  } catch {
    return undefined;
  }
}

function nameOf(holder: Holder | undefined): string {
  return holder ? `process ${holder.pid} on ${holder.host} (${holder.role})` : 'another process';
}
