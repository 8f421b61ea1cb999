/** A table of runs for people. */
import { duration } from '@unroll/param-server/config';
import type { FieldValue, RunFields } from './run-fields.js';

/** The columns before those of the configuration. */
const resultColumns = ['run', 'state', 'step', 'best', 'latest', 'loss', 'seconds'];

const headings: Readonly<Record<string, string>> = { best: 'best', latest: 'latest', seconds: 'time' };

/**
 * Lays out a table.
 * @param runs the fields of the runs, in the order of the rows
 * @param columns the fields of the configuration that it shows
 */
export function runTable(runs: readonly RunFields[], columns: readonly string[]): string {
  const metrics = [...new Set(runs.map(({ metric }) => metric))];
  const shown = [...resultColumns, ...(metrics.length > 1 ? ['metric'] : []), ...columns];
  const heading = (name: string) => {
    const metric = metrics.length === 1 && (name === 'best' || name === 'latest') ? `${metrics[0]}` : '';
    return [headings[name] ?? name, metric].filter((word) => word !== '').join(' ');
  };
  const rows = [shown.map(heading), ...runs.map((fields) => shown.map((name) => cellOf(name, fields)))];
  const widths = shown.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const isRight = shown.map((name) => runs.every((fields) => typeof fields[name] !== 'string'));
  const lines = rows.map((row) =>
    row
      .map((cell, k) => (isRight[k] ? cell.padStart(widths[k]!) : cell.padEnd(widths[k]!)))
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}

function cellOf(name: string, fields: RunFields): string {
  const value = fields[name];
  if (value === undefined) return '-';
  if (name === 'step') return `${value}/${fields.steps}`;
  if (name === 'seconds') return duration(value as number);
  return shownValue(value);
}

/** Formats a value to four digits or more. */
export function shownValue(value: FieldValue): string {
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value ?? '-');
  return String(Number(value.toPrecision(Math.abs(value) >= 1000 ? 6 : 4)));
}
