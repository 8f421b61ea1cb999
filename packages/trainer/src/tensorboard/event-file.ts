/** Writes scalars as TensorBoard reads them: an event file, which is appended to while the run goes on. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileErrorReason } from '../files/file-error.js';
import { tensorboard } from '../generated/tensorboard.js';
import { log } from '../terminal/log.js';
import { recordOf } from './records.js';

const { Event, SessionLog } = tensorboard;

/** The name that TensorBoard looks for, and its order in time, in which TensorBoard reads the files of a folder. */
export const eventFilePattern = /^events\.out\.tfevents\.\d+\./;

export class EventFile implements Disposable {
  readonly #path: string;
  #file: number | undefined;
  /** The last step that was written to this file. */
  #step = Number.NEGATIVE_INFINITY;

  /** Begins a file in a folder that is there. Training goes on if it cannot be written; whoever runs it is told once. */
  constructor(folder: string, now = Date.now()) {
    this.#path = join(folder, `events.out.tfevents.${now}.${hostname()}.${process.pid}`);
    this.#attempt(() => {
      this.#file = openSync(this.#path, 'a');
    });
    this.#append({ wallTime: now / 1000, fileVersion: 'brain.Event:2' });
  }

  /**
   * Writes values of one step, by tag; those that are undefined are left out. A step that is not after the last one, or
   * the first of the file, voids what was written from it on, here and in older files: the run went on from before it.
   */
  add(step: number, values: Readonly<Record<string, number | undefined>>, now = Date.now()): void {
    const wallTime = now / 1000;
    if (step <= this.#step || this.#step === Number.NEGATIVE_INFINITY) {
      this.#append({ wallTime, step, sessionLog: { status: SessionLog.SessionStatus.START } });
    }
    this.#step = step;
    this.more(step, values, now);
  }

  /** Writes more values of a step that has been {@link add}ed. */
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
    // Some file systems say only now that the disk is full.
    if (file !== undefined) this.#attempt(() => closeSync(file));
  }
}
