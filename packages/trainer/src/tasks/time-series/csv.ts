/**
 * Reads time series from CSV files in pandas' format: a header, then one row per time with a timestamp and a number for
 * each series. Quotes, blank lines, semicolons and tabs are understood; a missing value becomes NaN.
 */
import { parse } from 'csv-parse/sync';
import { readTextFile } from '../../data/text-file.js';
import { firstLine, UnrollError } from '../../errors.js';
import { isTimestamp, timestampsOf } from './timestamps.js';

export interface TimeSeries {
  /** Names of the columns, without the timestamp's. */
  readonly names: readonly string[];
  /** Milliseconds since 1970, in UTC unless the file says otherwise. */
  readonly times: readonly number[];
  /** [times, series], row after row; NaN where a value is missing. */
  readonly values: Float64Array;
}

/** A series read from a file, with line numbers for errors. */
export interface TimeSeriesFile extends TimeSeries {
  readonly path: string;
  /** The timestamps as written. */
  readonly written: readonly string[];
  /** The line number of each row in the file. */
  readonly lines: readonly number[];
}

interface Row {
  readonly line: number;
  readonly fields: readonly string[];
}

/** Field delimiters, each with its decimal mark: a comma in the files of European spreadsheets. */
const delimiters = [
  { delimiter: ',', decimal: '.' },
  { delimiter: ';', decimal: ',' },
  { delimiter: '\t', decimal: '.' },
] as const;

/** Fields that pandas treats as a missing value. */
const missing = new Set(
  ',#N/A,#N/A N/A,#NA,-1.#IND,-1.#QNAN,-NaN,-nan,1.#IND,1.#QNAN,<NA>,N/A,NA,NULL,NaN,None,n/a,nan,null'.split(','),
);

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads a CSV file.
 * @throws UnrollError naming the file, the line and the column that is wrong
 */
export function readTimeSeries(path: string): TimeSeriesFile {
  const text = readTextFile(path);
  const { delimiter, decimal } = delimiterOf(text);
  const [header, ...rows] = withoutIndex(rowsOf(path, text, delimiter));
  const [, ...names] = header!.fields;
  const at = `${path}:${header!.line}`;
  const example = `'timestamp${delimiter}value'`;
  if (names.length === 0) throw new UnrollError(`${at}: names one column; the header is like ${example}`);
  if (isTimestamp(header!.fields[0]!)) {
    throw new UnrollError(
      `${at}: is a row of values, not a header; put a line that names the columns first: ${example}`,
    );
  }
  const unnamed = names.indexOf('');
  if (unnamed !== -1) throw new UnrollError(`${at}: column ${unnamed + 2} has no name; name it, or remove it`);
  if (rows.length === 0) throw new UnrollError(`${path}: has a header and no rows; give it values`);

  const values = new Float64Array(rows.length * names.length);
  for (const [row, { line, fields }] of rows.entries()) {
    if (fields.length !== header!.fields.length) {
      throw new UnrollError(`${path}:${line}: has ${fields.length} fields, the header names ${header!.fields.length}`);
    }
    for (const [k, name] of names.entries()) {
      values[row * names.length + k] = numberIn(fields[k + 1]!, decimal, `${path}:${line}: column '${name}'`);
    }
  }
  const written = rows.map(({ fields }) => fields[0]!);
  const lines = rows.map(({ line }) => line);
  return { path, names, written, lines, values, times: timestampsOf(written, (row) => `${path}:${lines[row]}`) };
}

/** Returns the most frequent delimiter of the header. */
function delimiterOf(text: string): (typeof delimiters)[number] {
  const header = /\S.*/.exec(text)?.[0].replace(/"[^"]*"/g, '') ?? '';
  const count = (character: string) => header.split(character).length;
  return delimiters.reduce((best, each) => (count(each.delimiter) > count(best.delimiter) ? each : best));
}

function rowsOf(path: string, text: string, delimiter: string): Row[] {
  const rows: Row[] = [];
  const on_record = (fields: string[], { lines }: { lines: number }) => {
    rows.push({ line: lines, fields });
    return null;
  };
  try {
    parse(text, { delimiter, relax_column_count: true, skip_empty_lines: true, trim: true, on_record });
    return rows;
  } catch (error) {
    throw new UnrollError(`${path}: is not readable as CSV (${firstLine(error)}); correct its quotes`);
  }
}

/** Removes the numbers 0, 1, 2, … that pandas' `to_csv` puts before the rows, in a column without a name. */
function withoutIndex([header, ...rows]: readonly Row[]): Row[] {
  const isIndex = header!.fields[0] === '' && rows.every(({ fields }, row) => fields[0] === String(row));
  const all = [header!, ...rows];
  return isIndex ? all.map(({ line, fields }) => ({ line, fields: fields.slice(1) })) : all;
}

function numberIn(field: string, decimal: '.' | ',', where: string): number {
  if (missing.has(field)) return Number.NaN;
  const text = decimal === ',' ? field.replace(',', '.') : field;
  const value = number.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw new UnrollError(`${where}: '${field}' is not a finite number; correct it, or leave it empty if it is missing`);
}
