/** Writes the list of kernels in docs/tensorflow-js.md, with UNROLL_WRITE_DOCS=1, and else holds the document to it. */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers';
import { readFileSync, writeFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { refusedKernels } from './refused.js';
import { loweringTables } from './register.js';

const document = new URL('../../../../../docs/tensorflow-js.md', import.meta.url);
const [start, end] = ['<!-- kernels -->', '<!-- /kernels -->'];

const ofCpu = tf
  .getKernelsForBackend('cpu')
  .map(({ kernelName }) => kernelName)
  .sort();
const lowered = new Set(loweringTables.flatMap((table) => Object.keys(table)));

test('every kernel of the cpu backend is lowered or refused with a reason, and not both', () => {
  expect(ofCpu.filter((kernel) => lowered.has(kernel) === kernel in refusedKernels)).toEqual([]);
});

test('the document lists the kernels as they are', () => {
  const text = readFileSync(document, 'utf8');
  const written = text.replace(new RegExp(`${start}[^]*${end}`), `${start}\n\n${list()}\n\n${end}`);
  if (process.env.UNROLL_WRITE_DOCS) writeFileSync(document, written);
  else expect(text, 'run this test with UNROLL_WRITE_DOCS=1 to write the list').toBe(written);
});

function list(): string {
  const traced = ofCpu.filter((kernel) => lowered.has(kernel));
  const [differentiable, others] = [true, false].map((has) =>
    traced.filter((kernel) => (tf.getGradient(kernel) !== undefined) === has),
  ) as [string[], string[]];
  const refused = Object.entries(refusedKernels).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `Of the ${ofCpu.length} kernels of the \`cpu\` backend, ${traced.length} are traced. These ${differentiable.length} have gradients in TensorFlow.js, which are traced too (ComplexAbs's is for a complex input, which no graph has): ${differentiable.join(', ')}.`,
    `These ${others.length} have none, or are gradients themselves: ${others.join(', ')}.`,
    `These ${refused.length} are refused by name:`,
    tableOf([['kernel', 'reason'], ...refused]),
  ].join('\n\n');
}

/** A table with columns of one width, as the formatter has it. */
function tableOf(rows: string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = [rows[0]!, widths.map((width) => '-'.repeat(width)), ...rows.slice(1)];
  return lines.map((row) => `| ${row.map((cell, k) => cell.padEnd(widths[k]!)).join(' | ')} |`).join('\n');
}
