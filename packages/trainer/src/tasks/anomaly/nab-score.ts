/**
 * The score of the Numenta Anomaly Benchmark, standard profile: Lavin and Ahmad (2015), "Evaluating Real-time Anomaly
 * Detection Algorithms", section III, with the constants of the published benchmark. It rewards the first detection in
 * each labelled window, more if it is earlier. It punishes detections outside, more if they are further behind a
 * window.
 */
import type { LabelledWindow } from './signal.js';

export interface Detections {
  /** Number of rows of the signal. */
  readonly rows: number;
  readonly windows: readonly LabelledWindow[];
  /** Rows at which an anomaly was detected, ascending. */
  readonly detected: readonly number[];
}

const falsePositiveWeight = 0.11;
const missedWindow = -1;

/**
 * Returns the number of probationary rows: the first 15 % of a signal, at most 750. Detectors learn from them, and
 * nothing there is scored.
 */
export function probationaryRows(rows: number): number {
  return Math.min(Math.floor(0.15 * rows), 750);
}

/** Scores one signal before normalisation: at most 1 for each window, −1 for each missed one. */
export function rawNabScore({ rows, windows, detected }: Detections): number {
  const counted = detected.filter((row) => row >= probationaryRows(rows));
  const found = windows.map((window) => {
    const first = counted.find((row) => row >= window.from && row <= window.to);
    return first === undefined ? missedWindow : truePositive(first, window);
  });
  const outside = counted.filter((row) => !windows.some(({ from, to }) => row >= from && row <= to));
  const wrong = outside.map((row) => falsePositiveWeight * falsePositive(row, windows));
  return [...found, ...wrong].reduce((sum, score) => sum + score, 0);
}

/** Scores all signals together: 0 for a detector that never detects, 100 for one that detects each window at its start. */
export function nabScore(signals: readonly Detections[]): number {
  const windows = signals.reduce((sum, signal) => sum + signal.windows.length, 0);
  const raw = signals.reduce((sum, signal) => sum + rawNabScore(signal), 0);
  return (100 * (raw - missedWindow * windows)) / (windows - missedWindow * windows);
}

function truePositive(row: number, { from, to }: LabelledWindow): number {
  const position = -(to - row + 1) / (to - from + 1);
  return scaledSigmoid(position) / scaledSigmoid(-1);
}

function falsePositive(row: number, windows: readonly LabelledWindow[]): number {
  const before = windows.findLast(({ to }) => to < row);
  return before ? scaledSigmoid((row - before.to) / (before.to - before.from)) : -1;
}

/** Falls from almost 1 at −1, a window's start, through 0 at its end, to −1 from three windows behind it on. */
function scaledSigmoid(position: number): number {
  return position >= 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}
