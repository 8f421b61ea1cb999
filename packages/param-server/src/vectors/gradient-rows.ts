/**
 * Gradients as a worker passes them. An embedding's gradient may hold only the rows of its batch. Such rows travel as
 * they are. Codecs look at every value, so they get whole tables.
 */
import { elementCount } from '@unroll/core/onnx';
import type { ParameterShape } from './model.js';
import type { ShardLayout, Slice } from './partition.js';
import { type Chunk, chunkLength, chunksOf, float32Bytes, type NamedValues, nonzeroRows } from './shard-vector.js';

/** Some rows of a gradient; all others are zero. */
export interface GradientRows {
  /** The numbers of the rows, ascending, each once. */
  readonly rows: Int32Array;
  /** `[rows.length, row length]` */
  readonly values: Float32Array;
}

/** Gradients by parameter name, whole or in rows. */
export type NamedGradients = Readonly<Record<string, Float32Array | GradientRows>>;

/** Yields the chunks of these gradients that a shard receives. */
export function* gradientChunks({ slices }: ShardLayout, gradients: NamedGradients): Generator<Chunk> {
  for (const slice of slices) {
    const gradient = gradients[slice.parameter];
    if (gradient === undefined) continue;
    if (gradient instanceof Float32Array) {
      const { start, offset, length, rowLength } = slice;
      const parts = [{ values: gradient.subarray(start, start + length), offset, rowLength }];
      yield* chunksOf(parts, nonzeroRows(parts));
    } else {
      yield* chunksOfRows(slice, gradient);
    }
  }
}

function* chunksOfRows({ start, offset, length, rowLength }: Slice, { rows, values }: GradientRows): Generator<Chunk> {
  const firstAt = (row: number): number => {
    const at = rows.findIndex((other) => other >= row);
    return at < 0 ? rows.length : at;
  };
  const [from, to] = [firstAt(start / rowLength), firstAt((start + length) / rowLength)];
  const rowsPerChunk = Math.max(1, Math.floor(chunkLength / rowLength));
  for (let first = from; first < to; first += rowsPerChunk) {
    const end = Math.min(first + rowsPerChunk, to);
    yield {
      offsets: Array.from(rows.subarray(first, end), (row) => offset + row * rowLength - start),
      data: float32Bytes(values.subarray(first * rowLength, end * rowLength)),
    };
  }
}

/** Sums over all parameters. */
export function sumOfSquaresOf(gradients: NamedGradients): number {
  let sum = 0;
  for (const gradient of Object.values(gradients)) {
    const values = gradient instanceof Float32Array ? gradient : gradient.values;
    for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  }
  return sum;
}

/** Expands gradients given as rows into whole tables. */
export class GradientTables {
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #tables = new Map<string, Float32Array>();
  #last: NamedGradients = {};

  constructor(parameters: readonly ParameterShape[]) {
    const whole = parameters.filter(({ byRows }) => !byRows);
    this.#shapes = new Map(whole.map(({ name, shape }) => [name, shape]));
  }

  /**
   * Returns the gradients, with rows expanded to tables, but without those of row tables. Valid until the next call.
   */
  fill(gradients: NamedGradients): NamedValues {
    for (const [name, table] of this.#tables) clearRows(table, this.#last[name]!);
    this.#last = gradients;
    return Object.fromEntries(
      Object.entries(gradients)
        .filter(([name]) => this.#shapes.has(name))
        .map(([name, gradient]) => [name, gradient instanceof Float32Array ? gradient : this.#table(name, gradient)]),
    );
  }

  #table(name: string, { rows, values }: GradientRows): Float32Array {
    const table = this.#tables.get(name) ?? new Float32Array(elementCount(this.#shapes.get(name)!));
    this.#tables.set(name, table);
    const width = values.length / rows.length;
    for (const [k, row] of rows.entries()) table.set(values.subarray(k * width, (k + 1) * width), row * width);
    return table;
  }
}

function clearRows(table: Float32Array, gradient: Float32Array | GradientRows): void {
  if (gradient instanceof Float32Array) return;
  const width = gradient.values.length / gradient.rows.length;
  for (const row of gradient.rows) table.fill(0, row * width, (row + 1) * width);
}
