/** Checks that a file's rows are in order of time and at equal intervals, as forecasts require. */

import { duration } from '@unroll/param-server/config';
import { UnrollError } from '../../errors.js';
import type { TimeSeriesFile } from './csv.js';

const day = 24 * 60 * 60 * 1000;

/**
 * Checks the intervals.
 * @throws UnrollError naming the first row that repeats a time, is out of order, or is at another interval than most
 */
export function requireEqualIntervals(file: TimeSeriesFile): void {
  const irregular = firstIrregularRow(file);
  if (irregular === undefined) return;
  const { row, interval, usual, unit } = irregular;
  const { path, lines, written } = file;
  const where = `${path}:${lines[row]}: ${written[row]}`;
  const before = `line ${lines[row - 1]}`;
  if (interval === 0) throw new UnrollError(`${where} has the time of ${before}; keep one row for each time`);
  if (interval < 0) {
    throw new UnrollError(
      `${where} is earlier than ${before}; sort the rows by time, and write times with their offset if a clock was set back`,
    );
  }
  throw new UnrollError(
    `${where} comes ${intervalText(interval, unit)} after ${before}, most rows ${intervalText(usual, unit)}; fill the gap or resample, with empty fields for values that are missing`,
  );
}

export interface IrregularRow {
  readonly row: number;
  /** Interval since the previous row. */
  readonly interval: number;
  /** The interval of most rows. */
  readonly usual: number;
  readonly unit: 'milliseconds' | 'months';
}

/** Returns the first row at another interval than most; undefined if there is none. */
export function firstIrregularRow({ times, written }: TimeSeriesFile): IrregularRow | undefined {
  const months = monthsOf(times);
  const intervals = (months ?? times).slice(1).map((time, k) => time - (months ?? times)[k]!);
  const usual = intervals.toSorted((a, b) => a - b)[Math.floor(intervals.length / 2)] ?? 0;
  const tolerance = months ? 0 : resolution(written);
  const outOfOrder = intervals.findIndex((interval) => interval <= 0);
  const k = outOfOrder === -1 ? intervals.findIndex((interval) => Math.abs(interval - usual) > tolerance) : outOfOrder;
  if (k === -1) return undefined;
  return { row: k + 1, interval: intervals[k]!, usual, unit: months ? 'months' : 'milliseconds' };
}

/**
 * Returns the tolerance of intervals, in milliseconds. At 60 rows per second, times written with three decimals are 16
 * or 17 ms apart. Times without decimals are exact.
 */
function resolution(written: readonly string[]): number {
  const decimals = Math.max(...written.slice(0, 1000).map((text) => /:\d{2}[.,](\d+)/.exec(text)?.[1]?.length ?? 0));
  return decimals === 0 ? 0 : Math.max(1.001 * 1000 * 10 ** -decimals, 0.001);
}

/**
 * Returns the month of each row, counted from the year 0. Undefined unless all rows have the same day and time of a
 * month, or are at the ends of months.
 */
function monthsOf(times: readonly number[]): number[] | undefined {
  const dates = times.map((time) => new Date(time));
  const isSame = <Value>(partOf: (date: Date) => Value) => dates.every((date) => partOf(date) === partOf(dates[0]!));
  const isSameDay = isSame((date) => date.getUTCDate());
  const areLastDays = times.every((time) => new Date(time + day).getUTCDate() === 1);
  if (!isSame((date) => date.toISOString().slice(11)) || !(isSameDay || areLastDays)) return undefined;
  return dates.map((date) => 12 * date.getUTCFullYear() + date.getUTCMonth());
}

function intervalText(interval: number, unit: IrregularRow['unit']): string {
  if (unit === 'months') return `${interval} months`;
  return interval < 1000 ? `${Number(interval.toFixed(3))} ms` : duration(interval / 1000);
}
