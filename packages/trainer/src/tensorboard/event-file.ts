/** Writes scalars to a TensorBoard event file, to which it appends during the run. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileErrorReason } from '../files/file-error.js';
import { tensorboard } from '../generated/tensorboard.js';
import { log } from '../terminal/log.js';
import { recordOf } from './records.js';

const { Event, SessionLog } = tensorboard;

/** File names that TensorBoard recognises. It reads the files of a folder in the order of the time in their names. */
export const eventFilePattern = /^events\.out\.tfevents\.\d+\./;

export class EventFile implements Disposable {
  readonly #path: string;
  #file: number | undefined;
  /** The last step written to this file. */
  #step = Number.NEGATIVE_INFINITY;

  /** Creates a file in an existing folder. If it cannot be written, a warning is logged once, and training goes on. */
  constructor(folder: string, now = Date.now()) {
    this.#path = join(folder, `events.out.tfevents.${now}.${hostname()}.${process.pid}`);
    this.#attempt(() => {
      this.#file = openSync(this.#path, 'a');
    });
    this.#append({ wallTime: now / 1000, fileVersion: 'brain.Event:2' });
  }

  /**
   * Writes values of one step, by tag; undefined values are skipped. A step that is not after the last one, or the
   * first of this file, invalidates earlier values from that step on, here and in older files: the run was resumed from
   * before it.
   */
  add(step: number, values: Readonly<Record<string, number | undefined>>, now = Date.now()): void {
    const wallTime = now / 1000;
    if (step <= this.#step || this.#step === Number.NEGATIVE_INFINITY) {
      this.#append({ wallTime, step, sessionLog: { status: SessionLog.SessionStatus.START } });
    }
    this.#step = step;
    this.more(step, values, now);
  }

  /** Writes more values of a step that was {@link add}ed before. */
  more(step: number, values: Readonly<Record<string, number | undefined>>, now = Date.now()): void {
    const value = Object.entries(values).flatMap(([tag, simpleValue]) =>
      simpleValue === undefined ? [] : [{ tag, simpleValue }],
    );
    this.#append({ wallTime: now / 1000, step, summary: { value } });
  }

  #append(event: tensorboard.Event.$Properties): void {
    const file = this.#file;
    if (file !== undefined) this.#attempt(() => writeSync(file, recordOf(Event.encode(event).finish())));
  }

  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      log(`${this.#path}: no more events are written: ${fileErrorReason(error)}; training goes on`, 'warning');
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = undefined;
    // Some file systems report only now that the disk is full.
    if (file !== undefined) this.#attempt(() => closeSync(file));
  }
}
