/**
 * Reads signals to search for anomalies: a folder of CSV files, each with one column of values, and the time windows of
 * their anomalies, in the layout of the Numenta Anomaly Benchmark; or a generated sample.
 */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { readTextFile } from '../../data/text-file.js';
import { schemaFault, UnrollError } from '../../errors.js';
import { namesInFolder } from '../../files/folder-names.js';
import { readTimeSeries, type TimeSeries, type TimeSeriesFile } from '../time-series/csv.js';
import { firstIrregularRow } from '../time-series/intervals.js';
import { instantAt } from '../time-series/timestamps.js';
import { sampleSignals } from './sample-signals.js';
import type { LabelledWindow, Signal } from './signal.js';

/** The name of the generated signals, accepted where a path is expected. */
export const SAMPLE = 'sample';

export const labelsFile = 'combined_windows.json';

const labelsSchema = z.record(z.string(), z.array(z.tuple([z.string(), z.string()])));

/**
 * Reads the signals of a folder, sorted by name.
 * @throws UnrollError naming the file, and the line if one is wrong
 */
export function readSignals(data: string): Signal[] {
  if (data === SAMPLE) return sampleSignals();
  if (!existsSync(data) || !statSync(data).isDirectory()) {
    throw new UnrollError(`${data}: no such folder; give one of CSV files and ${labelsFile}, or '${SAMPLE}'`);
  }
  const files = csvFiles(data);
  if (files.length === 0) throw new UnrollError(`${data}: holds no CSV files; give a folder of signals`);
  const labels = readLabels(join(data, labelsFile));
  return files.map((file) => {
    const series = readSignal(join(data, file));
    const windows = labels.get(file);
    if (!windows) throw new UnrollError(`${join(data, labelsFile)}: does not name ${file}; give its windows, or []`);
    return { ...series, name: basename(file, '.csv'), windows: rowsOf(windows, series, join(data, labelsFile), file) };
  });
}

/**
 * Returns one line per file that has a row out of order or at an unusual interval; the line names the first such row.
 * Real signals have gaps, and their rows are used as they are.
 */
export function irregularities(data: string): string[] {
  if (data === SAMPLE) return [];
  return csvFiles(data).flatMap((file) => {
    const series = readSignal(join(data, file));
    const row = firstIrregularRow(series)?.row;
    if (row === undefined) return [];
    return [
      `${series.path}:${series.lines[row]}: ${series.written[row]} does not follow the row before it at the others' interval; rows are taken as they stand`,
    ];
  });
}

function csvFiles(data: string): string[] {
  return namesInFolder(data)
    .names.filter((name) => name.endsWith('.csv'))
    .toSorted();
}

function readSignal(path: string): TimeSeriesFile {
  const series = readTimeSeries(path);
  const { names, values, lines } = series;
  if (names.length !== 1) throw new UnrollError(`${path}:1: has ${names.length} columns of values; a signal has one`);
  const gap = values.findIndex(Number.isNaN);
  if (gap === -1) return series;
  throw new UnrollError(
    `${path}:${lines[gap]}: column '${names[0]}' has no value; fill it in, for example with pandas' interpolate(), or remove the row`,
  );
}

type WrittenWindow = readonly [start: string, end: string];

/** Reads the windows, by the last part of the path under which they are listed. */
function readLabels(path: string): Map<string, readonly WrittenWindow[]> {
  if (!existsSync(path))
    throw new UnrollError(`${path}: no such file; it says in which windows the signals have anomalies`);
  let json: unknown;
  try {
    json = JSON.parse(readTextFile(path));
  } catch (error) {
    if (error instanceof UnrollError) throw error;
    throw new UnrollError(`${path}: is not JSON (${(error as Error).message})`, { cause: error });
  }
  const { success, data, error } = labelsSchema.safeParse(json);
  if (!success) throw new UnrollError(`${path}: ${schemaFault(error)}; it needs [start, end] of each window`);
  return new Map(Object.entries(data).map(([name, windows]) => [basename(name), windows]));
}

function rowsOf(
  windows: readonly WrittenWindow[],
  { times }: TimeSeries,
  labels: string,
  file: string,
): readonly LabelledWindow[] {
  const rowAt = (time: string) => {
    const row = times.indexOf(instantAt(time) ?? Number.NaN);
    if (row === -1) throw new UnrollError(`${labels}: ${file} has no row at ${time}; do the two belong together?`);
    return row;
  };
  return windows.map(([start, end]) => ({ from: rowAt(start), to: rowAt(end) }));
}
