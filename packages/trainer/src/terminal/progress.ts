/**
 * Progress on stderr: on a terminal one line that is drawn again and again, with rate and time left, elsewhere a line now
 * and then. A program that listens gets numbers instead.
 */
import { duration } from '@unroll/param-server/config';
import { currentListener, type Listener } from './listener.js';
import { drawStatus, eraseStatus, isDrawable, log } from './log.js';

/** Seconds between two lines where there is no terminal. */
const lineSeconds = 15;
/** Seconds between two drawings on a terminal. */
const drawSeconds = 0.25;

/** The words beside the bar. */
export interface ProgressNote {
  /** The figure that matters most, such as the perplexity. */
  readonly figure?: string | undefined;
  /** Seconds until the whole work ends, if this bar shows only a part of it. */
  readonly secondsLeft?: number | undefined;
}

export class Progress {
  readonly #label: string;
  readonly #unit: string;
  readonly #total: number;
  readonly #listener: Listener | undefined = currentListener();
  readonly #isDrawn = !this.#listener && isDrawable();
  #lastLine = performance.now();
  #lastDrawing = Number.NEGATIVE_INFINITY;
  /** The first value and its time, from which the rate is measured: what was done before may have taken any time. */
  #since: { readonly value: number; readonly at: number } | undefined;

  constructor(label: string, total: number, unit: string) {
    this.#label = label;
    this.#unit = unit;
    this.#total = total;
  }

  update(value: number, note: ProgressNote = {}): void {
    if (this.#listener) {
      const [label, total, unit] = [this.#label, this.#total, this.#unit];
      this.#listener.onProgress?.({ label, done: value, total, unit });
      return;
    }
    const now = performance.now();
    if (!this.#since || value < this.#since.value) this.#since = { value, at: now };
    const done = value - this.#since.value;
    const seconds = (now - this.#since.at) / 1000;
    const rate = done > 0 && seconds > 0 ? done / seconds : undefined;
    const secondsLeft = note.secondsLeft ?? (rate === undefined ? undefined : (this.#total - value) / rate);
    const shown = { value, rate, secondsLeft, figure: note.figure };
    if (this.#isDrawn) {
      if (now - this.#lastDrawing < drawSeconds * 1000 && value < this.#total) return;
      this.#lastDrawing = now;
      drawStatus(this.#barOf(shown, process.stderr.columns ?? 80));
    } else if (now - this.#lastLine > lineSeconds * 1000) {
      this.#lastLine = now;
      log(this.#lineOf(shown));
    }
  }

  stop(): void {
    if (this.#isDrawn) eraseStatus();
  }

  #lineOf({ value, rate, secondsLeft, figure }: Shown): string {
    const done = `${value}/${this.#total} ${this.#unit}`;
    const pace = rate === undefined ? [] : [`${rateText(rate)}/s`];
    const left = secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left`];
    return `${this.#label}: ${[...(figure === undefined ? [] : [figure]), ...left, done, ...pace].join(', ')}`;
  }

  /** Returns the line for a terminal of this width: what does not fit is left out, the least important first. */
  #barOf({ value, rate, secondsLeft, figure }: Shown, columns: number): string {
    const part = this.#total > 0 ? Math.min(1, value / this.#total) : 1;
    const fields = [
      figure,
      secondsLeft === undefined ? undefined : `${duration(secondsLeft)} left`,
      `${this.#label} ${Math.floor(part * 100)}%`,
      rate === undefined ? undefined : `${rateText(rate)} ${this.#unit}/s`,
    ].filter((field) => field !== undefined);
    // The last column stays free: a terminal may wrap the line there.
    const room = columns - 1;
    while (fields.length > 1 && widthOf(fields) > room) fields.pop();
    const text = fields.join(separator).slice(0, Math.max(0, room));
    const width = Math.min(longestBar, room - text.length - 1);
    if (width < shortestBar) return text;
    const filled = Math.round(part * width);
    return `${text} ${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
  }
}

interface Shown {
  readonly value: number;
  readonly rate: number | undefined;
  readonly secondsLeft: number | undefined;
  readonly figure: string | undefined;
}

const separator = ' · ';
const [shortestBar, longestBar] = [6, 30];

function widthOf(fields: readonly string[]): number {
  return fields.join(separator).length;
}

function rateText(rate: number): string {
  return rate.toFixed(rate > 1000 ? 0 : 1);
}

/** Converts bytes to megabytes with one decimal. */
export function megabytes(bytes: number): number {
  return Math.round(bytes / 1e5) / 10;
}
