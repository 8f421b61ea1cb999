/**
 * Reads the measurements to forecast: a CSV file at equal intervals, or a generated sample, divided by time into three
 * parts.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { seededRandom } from '@unroll/core/decoding';
import { UnrollError } from '../../errors.js';
import { namesInFolder } from '../../files/folder-names.js';
import type { TaskSplit } from '../task.js';
import { readTimeSeries, type TimeSeries } from '../time-series/csv.js';
import { requireEqualIntervals } from '../time-series/intervals.js';

/** The name of the generated measurements, accepted where a path is expected. */
export const SAMPLE = 'sample';

export interface Measurements extends TimeSeries {
  /** The row at which each part ends; the test part may end before the file does. */
  readonly ends: Readonly<Record<TaskSplit, number>>;
}

/** Zhou et al. (2021), "Informer", section 5.1: 12, 4 and 4 months of 30 days, in hourly rows. */
const monthsOfHours = { train: 12 * 30 * 24, valid: 16 * 30 * 24, test: 20 * 30 * 24 };
const publishedEnds: Readonly<Record<string, Measurements['ends']>> = {
  'ETTh1.csv': monthsOfHours,
  'ETTh2.csv': monthsOfHours,
};

/**
 * Reads the measurements in a file, or in the only CSV file of a folder. The first 60 % of the rows are for training,
 * the next 20 % for validation and the rest for test. ETTh1.csv and ETTh2.csv are divided as published.
 * @throws UnrollError naming the file, and the line if one is wrong or not at the interval of the others
 */
export function readMeasurements(data: string): Measurements {
  if (data === SAMPLE) return withEnds(sampleMeasurements(), undefined);
  const path = csvAt(data);
  const series = readTimeSeries(path);
  requireEqualIntervals(series);
  const published = publishedEnds[basename(path)];
  return withEnds(series, published && published.test <= series.times.length ? published : undefined);
}

/** Returns the rows of a part. */
export function rowsOf({ ends }: Measurements, split: TaskSplit): { from: number; to: number } {
  const from = { train: 0, valid: ends.train, test: ends.valid }[split];
  return { from, to: ends[split] };
}

function withEnds(series: TimeSeries, published: Measurements['ends'] | undefined): Measurements {
  const rows = series.times.length;
  const ends = published ?? { train: Math.floor(0.6 * rows), valid: Math.floor(0.8 * rows), test: rows };
  return { ...series, ends };
}

function csvAt(data: string): string {
  if (!existsSync(data)) {
    throw new UnrollError(
      `${data}: no such file or folder; give a CSV file, or '${SAMPLE}' for generated measurements`,
    );
  }
  if (!statSync(data).isDirectory()) return data;
  const files = namesInFolder(data).names.filter((name) => name.endsWith('.csv'));
  if (files.length === 1) return join(data, files[0]!);
  throw new UnrollError(`${data}: holds ${files.length} CSV files; give the one to forecast`);
}

/** Generates two hourly series of daily waves, with a drift and noise; the second follows the first. */
function sampleMeasurements(): TimeSeries {
  const random = seededRandom(5);
  const hours = 24 * 50;
  const times = Array.from({ length: hours }, (_, hour) => Date.UTC(2020, 0, 1, hour));
  const wave = (hour: number) => Math.sin((2 * Math.PI * hour) / 24) + 0.4 * Math.sin((2 * Math.PI * hour) / 12);
  const values = Float64Array.from({ length: 2 * hours }, (_, index) => {
    const [hour, column] = [Math.floor(index / 2), index % 2];
    return wave(hour - 3 * column) + 0.002 * hour + 0.2 * (random() - 0.5);
  });
  return { names: ['load', 'temperature'], times, values };
}
