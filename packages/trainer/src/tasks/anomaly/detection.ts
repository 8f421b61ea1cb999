/** From a predictor's errors to alarms, their threshold, and how good they are. Knows nothing of models. */
import { anomalyScores } from '@unroll/core';
import { type Detections, nabScore, probationaryRows } from './nab-score.js';
import type { Signal } from './signal.js';

export interface ScoredSignal {
  readonly signal: Signal;
  /** One for each row: how unlikely the latest errors are, as −log₁₀ of their probability. */
  readonly scores: readonly number[];
}

export interface Detection {
  /** Of all alarms, those in labelled windows. */
  readonly precision: number;
  /** Of all labelled windows, those with an alarm. */
  readonly recall: number;
  readonly f1: number;
  /** The benchmark's score, standard profile. */
  readonly nab: number;
  readonly alarms: number;
}

/** What scores are made with; the deviation is of the scaled signal: errors that differ by less are not told apart. */
export const likelihood = { longWindow: 500, shortWindow: 3, smallestDeviation: 0.05 };
/** After an alarm, so many rows are silent: they tell of the same event. */
const silence = 200;
/** What part of the normal rows may pass the threshold. */
const normalAbove = 0.01;

export function scoredSignal(signal: Signal, errors: readonly number[]): ScoredSignal {
  return { signal, scores: anomalyScores(errors, likelihood, likelihood.smallestDeviation) };
}

/** The rows at which the score passes the threshold, none within the silence after another. */
export function alarmsOf(scores: readonly number[], threshold: number): number[] {
  const alarms: number[] = [];
  for (const [row, score] of scores.entries()) {
    if (score > threshold && row - (alarms.at(-1) ?? Number.NEGATIVE_INFINITY) > silence) alarms.push(row);
  }
  return alarms;
}

export function detectionAt(signals: readonly ScoredSignal[], threshold: number): Detection {
  const detections = signals.map(({ signal, scores }): Detections => {
    const rows = scores.length;
    const first = probationaryRows(rows);
    const detected = alarmsOf(scores.slice(first), threshold).map((row) => row + first);
    return { rows, windows: signal.windows, detected };
  });
  const count = (of: (detections: Detections) => number) => detections.reduce((sum, each) => sum + of(each), 0);
  const alarms = count(({ detected }) => detected.length);
  const right = count(({ detected, windows }) => detected.filter((row) => isIn(row, windows)).length);
  const windows = count(({ windows }) => windows.length);
  const found = count(
    ({ detected, windows }) => windows.filter((window) => detected.some((row) => isIn(row, [window]))).length,
  );
  const precision = alarms === 0 ? 0 : right / alarms;
  const recall = windows === 0 ? 0 : found / windows;
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { precision, recall, f1, nab: nabScore(detections), alarms };
}

/** What 1 % of the rows that detectors learn from pass, in which nothing is labelled; one threshold for all signals. */
export function calibratedThreshold(signals: readonly ScoredSignal[]): number {
  const normal = signals.flatMap(({ scores }) => scores.slice(0, probationaryRows(scores.length)));
  const ascending = normal.toSorted((a, b) => a - b);
  return ascending[Math.floor((1 - normalAbove) * (ascending.length - 1))]!;
}

/** The threshold at which the benchmark's score is highest, as the benchmark's own results are taken: knowing the labels. */
export function bestThreshold(signals: readonly ScoredSignal[]): number {
  const candidates = Array.from({ length: 200 }, (_, k) => 0.1 * k);
  const scoreAt = candidates.map((threshold) => detectionAt(signals, threshold).nab);
  return candidates[scoreAt.indexOf(Math.max(...scoreAt))]!;
}

function isIn(row: number, windows: Signal['windows']): boolean {
  return windows.some(({ from, to }) => row >= from && row <= to);
}
