/**
 * Progress on stderr: on a terminal a bar with rate and time left, elsewhere a line now and then. A program that listens
 * gets numbers instead.
 */
import { Bar, Presets } from 'cli-progress';
import { currentListener, type Listener } from './listener.js';
import { isDrawable, log } from './log.js';

/** Seconds between two lines where there is no terminal. */
const lineSeconds = 15;

export class Progress {
  readonly #label: string;
  readonly #unit: string;
  readonly #total: number;
  readonly #bar: Bar | undefined;
  readonly #listener: Listener | undefined = currentListener();
  #lastLine = performance.now();
  /** The first value and its time, from which the rate is measured: what was done before may have taken any time. */
  #since: { readonly value: number; readonly at: number } | undefined;

  constructor(label: string, total: number, unit: string) {
    this.#label = label;
    this.#unit = unit;
    this.#total = total;
    if (this.#listener || !isDrawable()) return;
    const format = `${label} {bar} {percentage}% | {value}/{total} ${unit} | {rate} ${unit}/s | {eta_formatted} left {note}`;
    this.#bar = new Bar({ format, stream: process.stderr, hideCursor: true, fps: 4 }, Presets.shades_classic);
    this.#bar.start(total, 0, { rate: '-', note: '' });
  }

  /** @param note text to show beside the bar, such as the loss */
  update(value: number, note = ''): void {
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
    const shown = rate?.toFixed(rate > 1000 ? 0 : 1);
    if (this.#bar) {
      this.#bar.update(value, { rate: shown ?? '-', note });
    } else if (now - this.#lastLine > lineSeconds * 1000) {
      this.#lastLine = now;
      const pace = rate === undefined ? '' : `, ${shown}/s, ${duration((this.#total - value) / rate)} left`;
      log(`${this.#label}: ${value}/${this.#total} ${this.#unit}${pace} ${note}`.trimEnd());
    }
  }

  stop(): void {
    this.#bar?.stop();
  }
}

/** Converts bytes to megabytes with one decimal. */
export function megabytes(bytes: number): number {
  return Math.round(bytes / 1e5) / 10;
}

/** Formats as `1 h 02 min`, `3 min 20 s`, `12 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}
