/** For tests: textbook GPT-2 and BERT in float64, a whole text at once and without any cache. */
import type { TransformerShape, TransformerWeights, Weight } from './transformer-weights.js';

type Rows = readonly (readonly number[])[];

/** Computes logits [ids, vocab]. BERT reads one segment; its head is the token table alone. */
export function referenceLogits(shape: TransformerShape, weights: TransformerWeights, ids: readonly number[]): Rows {
  const at = (name: string) => weights[name]!;
  const norm = (x: Rows, name: string) =>
    x.map((row) => normalized(row).map((v, j) => v * at(`${name}.scale`).values[j]! + at(`${name}.bias`).values[j]!));
  const linear = (x: Rows, name: string) =>
    times(x, at(`${name}.kernel`)).map((row) => row.map((v, j) => v + at(`${name}.bias`).values[j]!));
  const attention = (x: Rows, i: number) => linear(attend(linear(x, `${i}.qkv`), shape), `${i}.out`);
  const feedForward = (x: Rows, i: number) => {
    const hidden = linear(x, `${i}.up`).map((row) => row.map(gelu));
    return linear(hidden, `${i}.down`);
  };
  const first = ids.map((id, t) => plus(rowOf(at('token'), id), rowOf(at('position'), t)));
  const isGpt2 = shape.kind === 'gpt2';
  let x: Rows = isGpt2
    ? first
    : norm(
        first.map((row) => plus(row, rowOf(at('segment'), 0))),
        'final',
      );
  for (let i = 0; i < shape.layers; i++) {
    if (isGpt2) {
      x = sum(x, attention(norm(x, `${i}.norm1`), i));
      x = sum(x, feedForward(norm(x, `${i}.norm2`), i));
    } else {
      x = norm(sum(x, attention(x, i)), `${i}.norm1`);
      x = norm(sum(x, feedForward(x, i)), `${i}.norm2`);
    }
  }
  if (isGpt2) x = norm(x, 'final');
  const table = Array.from({ length: shape.vocabSize }, (_, id) => rowOf(at('token'), id));
  return x.map((row) => table.map((token) => dot(row, token)));
}

/** Scaled dot-product attention; in GPT-2 only to earlier tokens and the token itself. `qkv` is [time, 3·dim]. */
function attend(qkv: Rows, { kind, dim, heads }: TransformerShape): Rows {
  const size = dim / heads;
  return qkv.map((row, t) => {
    const visible = kind === 'gpt2' ? qkv.slice(0, t + 1) : qkv;
    return Array.from({ length: heads }, (_, h) => {
      const part = (of: readonly number[], which: number) =>
        of.slice(which * dim + h * size, which * dim + (h + 1) * size);
      const scores = visible.map((other) => Math.exp(dot(part(row, 0), part(other, 1)) / Math.sqrt(size)));
      const total = scores.reduce((a, b) => a + b);
      return visible
        .map((other, s) => part(other, 2).map((v) => (v * scores[s]!) / total))
        .reduce((a, b) => plus(a, b));
    }).flat();
  });
}

/** Hendrycks and Gimpel (2016), the approximation with tanh, as in GPT-2. */
function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function normalized(row: readonly number[]): number[] {
  const mean = row.reduce((a, b) => a + b) / row.length;
  const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
  return row.map((v) => (v - mean) / Math.sqrt(variance + 1e-5));
}

function times(x: Rows, { rows, columns, values }: Weight): Rows {
  return x.map((row) =>
    Array.from({ length: columns }, (_, j) => {
      let total = 0;
      for (let i = 0; i < rows; i++) total += row[i]! * values[i * columns + j]!;
      return total;
    }),
  );
}

function rowOf({ columns, values }: Weight, row: number): number[] {
  return [...values.subarray(row * columns, (row + 1) * columns)];
}

function plus(a: readonly number[], b: readonly number[]): number[] {
  return a.map((v, j) => v + b[j]!);
}

function sum(a: Rows, b: Rows): Rows {
  return a.map((row, t) => plus(row, b[t]!));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((total, v, j) => total + v * b[j]!, 0);
}
