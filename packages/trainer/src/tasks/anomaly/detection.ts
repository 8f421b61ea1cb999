/** Turns a predictor's errors into alarms, calibrates their threshold, and measures their quality. Independent of models. */
import { anomalyScores } from '@unroll/core/decoding';
import { type Detections, nabScore, probationaryRows } from './nab-score.js';
import type { Signal } from './signal.js';

export interface ScoredSignal {
  readonly signal: Signal;
  /** One score per row: −log₁₀ of the probability of the latest errors. */
  readonly scores: readonly number[];
}

export interface Detection {
  /** Fraction of the alarms that are in labelled windows. */
  readonly precision: number;
  /** Fraction of the labelled windows that have an alarm. */
  readonly recall: number;
  readonly f1: number;
  /** The score of the Numenta Anomaly Benchmark, standard profile. */
  readonly nab: number;
  readonly alarms: number;
}

/**
 * Settings of the scores. `smallestDeviation` is in units of the scaled signal: smaller differences between errors are
 * ignored.
 */
export const likelihood = { longWindow: 500, shortWindow: 3, smallestDeviation: 0.05 };
/** Number of rows after an alarm without another one, as they belong to the same event. */
const silence = 200;
/** Fraction of the normal rows that may exceed the threshold. */
const normalAbove = 0.01;

export function scoredSignal(signal: Signal, errors: readonly number[]): ScoredSignal {
  return { signal, scores: anomalyScores(errors, likelihood, likelihood.smallestDeviation) };
}

/** Returns the rows whose score exceeds the threshold, without those in the silence after another alarm. */
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

/** Returns the threshold that 1 % of the probationary rows exceed, in which nothing is labelled. All signals share it. */
export function calibratedThreshold(signals: readonly ScoredSignal[]): number {
  const normal = signals.flatMap(({ scores }) => scores.slice(0, probationaryRows(scores.length)));
  const ascending = normal.toSorted((a, b) => a - b);
  return ascending[Math.floor((1 - normalAbove) * (ascending.length - 1))]!;
}

/** Returns the threshold with the highest benchmark score. It uses the labels, as the benchmark's published results do. */
export function bestThreshold(signals: readonly ScoredSignal[]): number {
  const candidates = Array.from({ length: 200 }, (_, k) => 0.1 * k);
  const scoreAt = candidates.map((threshold) => detectionAt(signals, threshold).nab);
  return candidates[scoreAt.indexOf(Math.max(...scoreAt))]!;
}

function isIn(row: number, windows: Signal['windows']): boolean {
  return windows.some(({ from, to }) => row >= from && row <= to);
}
