/** Writes `metrics.jsonl` while a run goes on. A resumed run continues the file from the step that it resumed from. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileErrorReason } from '../files/file-error.js';
import { replaceFile } from '../files/replace-file.js';
import { metricsFile } from '../files/run-files.js';
import { log } from '../terminal/log.js';
import type { NewLine } from './metrics.js';

/** Lines of steps are written together, at most so much later, in milliseconds. */
const delay = 500;

export class MetricsFile implements Disposable {
  readonly #path: string;
  #file: number | undefined;
  #pending = '';
  #written = performance.now();

  /**
   * Opens the file of an existing folder. If it cannot be written, a warning is logged once, and training goes on.
   * @param step the step that the run goes on from: the lines after it are dropped; all lines, if it is 0
   */
  constructor(folder: string, step: number) {
    this.#path = join(folder, metricsFile);
    this.#attempt(() => {
      this.#file = openSync(this.#path, 'a');
    });
    this.goBack(step);
  }

  add({ type, ...fields }: NewLine): void {
    this.#pending += `${JSON.stringify({ type, time: Date.now() / 1000, ...fields })}\n`;
    if (type !== 'step' || performance.now() - this.#written > delay) this.flush();
  }

  /** Drops the lines after a step, and a last line that was cut off; all lines, if the step is 0. */
  goBack(step: number): void {
    this.flush();
    const file = this.#file;
    if (file === undefined) return;
    this.#attempt(() => {
      const text = readFileSync(this.#path, 'utf8');
      const kept = step === 0 ? '' : linesUpTo(text, step);
      if (kept === text) return;
      replaceFile(this.#path, kept);
      closeSync(file);
      this.#file = openSync(this.#path, 'a');
    });
  }

  /** Writes the lines that were added. */
  flush(): void {
    const [text, file] = [this.#pending, this.#file];
    this.#pending = '';
    this.#written = performance.now();
    if (text !== '' && file !== undefined) this.#attempt(() => writeSync(file, text));
  }

  #attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      log(`${this.#path}: no more metrics are written: ${fileErrorReason(error)}; training goes on`, 'warning');
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    const [text, file] = [this.#pending, this.#file];
    [this.#pending, this.#file] = ['', undefined];
    // Some file systems report only now that the disk is full.
    if (file === undefined) return;
    this.#attempt(() => writeSync(file, text));
    this.#attempt(() => closeSync(file));
  }
}

function linesUpTo(text: string, step: number): string {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  lines.pop();
  return lines
    .filter((line) => stepOf(line) <= step)
    .map((line) => `${line}\n`)
    .join('');
}

/** Returns the step of a line. One that is not JSON stays: who reads the file is told of it. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as { step?: number } | null)?.step ?? 0;
  } catch {
    return 0;
  }
}
