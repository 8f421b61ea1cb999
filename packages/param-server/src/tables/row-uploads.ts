/**
 * Receives the table rows of workers' gradients. Works like `uploads.ts` for whole vectors, but only the received rows
 * take memory. The data is not trusted: each piece must be one row of a table, rows must ascend (so none comes twice),
 * and values must be finite.
 */

import { Refusal } from '../shard/refusal.js';
import { diverged } from '../shard/steps.js';
import { GrowingBytes } from '../vectors/growing-bytes.js';
import type { ShardLayout, TableSlice } from '../vectors/partition.js';
import { noRows, type RowGradient, type TableRows } from '../vectors/row-gradient.js';
import { type Chunk, float32Bytes, piecesOf } from '../vectors/shard-vector.js';
import { sumOfSquaresWithin } from '../vectors/sparse-vector.js';
import { isSame, nameOf, type UploadTarget } from '../wire/upload-target.js';
import { tableAt } from './row-selection.js';

interface RowUpload {
  readonly target: UploadTarget;
  /** By the layout's tables: where rows start, and their bytes. */
  readonly arrived: readonly { readonly starts: number[]; readonly rows: GrowingBytes }[];
  last: number;
  state: 'arriving' | 'replaced';
  gradient: UploadedRows | undefined;
}

/** The rows of a gradient that have arrived. */
export interface UploadedRows {
  readonly rows: RowGradient;
  readonly sumOfSquares: number;
}

export class RowUploads {
  readonly #layout: ShardLayout;
  /** By worker, one upload at a time. */
  readonly #uploads = new Map<number, RowUpload>();

  constructor(layout: ShardLayout) {
    this.#layout = layout;
  }

  /** Starts an upload, from nothing if an earlier stream of it was cut off. */
  begin(target: UploadTarget) {
    const { worker } = target.caller;
    const current = this.#uploads.get(worker);
    if (current) current.state = 'replaced';
    const arrived = this.#layout.tables.map(() => ({ starts: [], rows: new GrowingBytes() }));
    const upload: RowUpload = { target, arrived, last: -1, state: 'arriving', gradient: undefined };
    this.#uploads.set(worker, upload);
    return {
      take: (chunk: Chunk) => {
        if (upload.state === 'replaced') throw new Refusal('aborted', `${nameOf(target)} is being uploaded anew`);
        this.#take(chunk, upload);
      },
      end: () => {
        const tables = upload.arrived.map(({ starts, rows }, k) =>
          joined(starts, rows, this.#layout.tables[k]!, target),
        );
        const sumOfSquares = tables.reduce((sum, table) => sum + table.sumOfSquares, 0);
        upload.gradient = { rows: tables.map(({ rows }) => rows), sumOfSquares };
      },
    };
  }

  /** Returns whether everything has arrived. */
  has(target: UploadTarget): boolean {
    return this.#layout.tables.length === 0 || this.#completed(target) !== undefined;
  }

  #completed(target: UploadTarget): UploadedRows | undefined {
    const upload = this.#uploads.get(target.caller.worker);
    return upload && isSame(upload.target, target) ? upload.gradient : undefined;
  }

  /** Hands over the received gradient and forgets it; undefined unless everything has arrived. */
  take(target: UploadTarget): UploadedRows | undefined {
    if (this.#layout.tables.length === 0) return { rows: noRows(this.#layout), sumOfSquares: 0 };
    const gradient = this.#completed(target);
    if (gradient) this.#uploads.delete(target.caller.worker);
    return gradient;
  }

  #take(chunk: Chunk, upload: RowUpload): void {
    for (const { offset, data } of piecesOf(chunk)) {
      const table = tableAt(this.#layout, offset);
      if (table === undefined || offset <= upload.last || data.length !== 4 * this.#layout.tables[table]!.rowLength) {
        throw new Refusal(
          'failed-precondition',
          `${nameOf(upload.target)} has a piece at ${offset} that is no row of a table after the last; use a client of this version`,
        );
      }
      upload.last = offset;
      upload.arrived[table]!.starts.push(offset);
      upload.arrived[table]!.rows.append(data);
    }
  }
}

/** @throws Refusal unless all values are finite */
function joined(
  starts: readonly number[],
  arrived: GrowingBytes,
  { parameter }: TableSlice,
  target: UploadTarget,
): { readonly rows: TableRows; readonly sumOfSquares: number } {
  const values = new Float32Array(arrived.length / 4);
  float32Bytes(values).set(arrived.bytes);
  const sumOfSquares = sumOfSquaresWithin(values, 0, values.length);
  if (Number.isFinite(sumOfSquares)) return { rows: { starts, values }, sumOfSquares };
  const wrong = values.find((value) => !Number.isFinite(value));
  throw diverged(`${nameOf(target)} has ${wrong} in '${parameter}'`);
}
