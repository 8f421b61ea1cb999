/** Reads time series from CSV files: a header, then for each point of time a timestamp and a number for each series. Strict:
 * a value that is missing or no number is an error, not a gap. Numbers need no quotes, so there are none. */
import { readTextFile } from '../../data/text-file.js';
import { UnrollError } from '../../errors.js';

export interface TimeSeries {
  /** Of the columns, without the timestamp's. */
  readonly names: readonly string[];
  /** As they are written: `2016-07-01 00:00:00`. */
  readonly times: readonly string[];
  /** [times, series], row after row. */
  readonly values: Float64Array;
}

const timestamp = /^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$/;

/** @throws UnrollError naming the file and the line that is wrong */
export function readTimeSeries(path: string): TimeSeries {
  const lines = readTextFile(path).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const [, ...names] = lines[0]!.split(',');
  if (names.length === 0 || names.some((name) => name.trim() === '' || Number.isFinite(Number(name)))) {
    throw new UnrollError(`${path}:1: is no header; it should name the columns, as 'timestamp,value' does`);
  }
  const times: string[] = [];
  const values = new Float64Array((lines.length - 1) * names.length);
  for (let row = 0; row + 1 < lines.length; row++) {
    const where = `${path}:${row + 2}`;
    const [time, ...fields] = lines[row + 1]!.split(',');
    if (fields.length !== names.length) {
      throw new UnrollError(`${where}: has ${fields.length + 1} fields, the header names ${names.length + 1}`);
    }
    if (!timestamp.test(time!)) {
      throw new UnrollError(`${where}: '${time}' is no timestamp; write it as 2016-07-01 00:00:00`);
    }
    times.push(time!);
    for (const [k, field] of fields.entries()) {
      const value = field.trim() === '' ? Number.NaN : Number(field);
      if (!Number.isFinite(value)) throw new UnrollError(`${where}: '${field}' in column ${names[k]} is no number`);
      values[row * names.length + k] = value;
    }
  }
  return { names, times, values };
}
