/** The lock of a folder into which a command writes for as long as it runs, so that no other process does. */
import { rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isLocked, LockFile, Waits } from '@unroll/param-server/config';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { log } from '../terminal/log.js';
import { fileErrorReason } from './file-error.js';
import { checkWritable, makeFolder } from './result-folder.js';

export interface ResultLockOptions {
  readonly folder: string;
  /** The flag that names the folder. */
  readonly flag?: string;
  /** This process's part, as in `worker 0`. */
  readonly role: string;
  /** A name that the processes of one run share. They may hold the lock together: the run decides who writes. */
  readonly run?: string | undefined;
  /** The name of the lock's file. */
  readonly name?: string;
}

const usualName = '.unroll-lock';

/** Looks whether a process writes into a folder as `--out`. */
export function isBeingWritten(folder: string): Promise<boolean> {
  return isLocked(join(resolve(folder), usualName));
}

export class ResultLock implements AsyncDisposable {
  readonly #options: ResultLockOptions;
  readonly #path: string;
  readonly #lock: LockFile;
  #isNew = false;
  #isHeld = false;

  constructor(options: ResultLockOptions) {
    const { folder, flag = option('out'), role, run, name = usualName } = options;
    const waits = new Waits((line) => log(line));
    this.#options = options;
    this.#path = resolve(folder);
    this.#lock = new LockFile({
      ...{ path: join(this.#path, name), role, run },
      refusal: (holder) => new UnrollError(`${folder}: ${holder} writes there; end it, or choose another ${flag}`),
      onWait: (holder) => waits.begin(`${holder} to leave ${folder}`),
    });
  }

  /**
   * Takes the folder, creating it if needed; does nothing if this process has it.
   * @throws UnrollError if it cannot be written, or another process writes there
   */
  async take(): Promise<void> {
    if (this.#isHeld) return;
    const { folder, flag = option('out') } = this.#options;
    await checkWritable(folder, flag);
    try {
      this.#isNew ||= await makeFolder(this.#path);
      await this.#lock.take();
      this.#isHeld = true;
    } catch (error) {
      await this.#removeNew();
      if (error instanceof UnrollError) throw error;
      throw new UnrollError(`${folder}: cannot be written: ${fileErrorReason(error)}; choose another ${flag}`);
    }
  }

  /** Looks whether another process has taken the folder, while this one stood still. @throws UnrollError */
  requireHeld(): Promise<void> {
    return this.#lock.requireHeld();
  }

  /** Leaves the folder to others, and removes it if nothing was written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock[Symbol.asyncDispose]();
    await this.#removeNew();
  }

  async #removeNew(): Promise<void> {
    if (this.#isNew) await rmdir(this.#path).catch(() => undefined);
  }
}
