/** Reads and writes the table in docs/edge-runtime.md that shows what works in which runtime. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './installation.js';

/** One row of the table, as written there. */
export interface Row {
  readonly runtime: string;
  readonly version: string;
  readonly 'loads from': string;
  readonly tokens: string;
  readonly 'ONNX Runtime': string;
  readonly personalizing: string;
  readonly keeps: string;
}

const path = join(root, 'docs/edge-runtime.md');
const [begin, end] = ['<!-- runtimes -->\n', '<!-- /runtimes -->'];

export async function readMatrix(): Promise<Row[]> {
  const { table } = await split();
  const [heads, , ...rows] = table.split('\n').filter(Boolean).map(cellsOf);
  return rows.map((cells) => Object.fromEntries(heads!.map((head, i) => [head, cells[i] ?? ''])) as unknown as Row);
}

/** Replaces the table by these rows; existing rows of other runtimes stay. */
export async function writeMatrix(rows: readonly Row[]): Promise<void> {
  const { before, after } = await split();
  const old = await readMatrix();
  const all = new Map([...old, ...rows].map((row) => [row.runtime, row]));
  const lines = [...all.values()].map((row) => Object.values(row) as string[]);
  const heads = Object.keys(rows[0] ?? old[0]!);
  const widths = heads.map((head, i) => Math.max(head.length, ...lines.map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |\n`;
  const table = [heads, widths.map((width) => '-'.repeat(width)), ...lines].map(line).join('');
  await writeFile(path, `${before}${begin}\n${table}\n${end}${after}`);
}

async function split(): Promise<{ before: string; table: string; after: string }> {
  const [before, rest] = (await readFile(path, 'utf8')).split(begin) as [string, string];
  const [table, after] = rest.split(end) as [string, string];
  return { before, table, after };
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
