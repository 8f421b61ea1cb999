/**
 * Applies the optimizer to the rows of tables that a gradient has, and to no others: they are gathered into blocks, which
 * the update rule takes as it takes any vector, and written back.
 */
import type { ModelDescription } from '../model.js';
import type { ShardLayout } from '../partition.js';
import type { ShardValues } from '../shard/messages.js';
import type { UpdateArguments, UpdateRule, UpdateRuleFactory } from '../update-rule.js';
import type { RowGradient, TableRows } from './row-gradient.js';

/** The most elements of a block. */
const blockLength = 256 * 1024;

type Scalars = Omit<UpdateArguments, 'gradient' | 'values'>;

export class RowUpdate {
  readonly #rule: UpdateRule;
  readonly #length: number;

  /** For the tables of a layout. */
  static async create(model: ModelDescription, layout: ShardLayout, createRule: UpdateRuleFactory): Promise<RowUpdate> {
    const length = Math.min(blockLength, layout.length - layout.denseLength);
    return new RowUpdate(await createRule(model, length), length);
  }

  private constructor(rule: UpdateRule, length: number) {
    this.#rule = rule;
    this.#length = length;
  }

  /** Updates the shard's values in place. */
  async apply(gradient: RowGradient, values: ShardValues, scalars: Scalars): Promise<void> {
    for (const rows of gradient) {
      for (let from = 0; from < rows.values.length; from += this.#length) {
        await this.#applyBlock(rows, from, values, scalars);
      }
    }
  }

  /** Updates the elements of the rows from `from` on, as many as a block has. */
  async #applyBlock(rows: TableRows, from: number, values: ShardValues, scalars: Scalars): Promise<void> {
    const to = Math.min(from + this.#length, rows.values.length);
    const pieces = [...piecesBetween(rows, from, to)];
    const block: ShardValues = {
      parameters: gathered(values.parameters, pieces, to - from),
      slots: Object.fromEntries(
        Object.entries(values.slots).map(([name, slot]) => [name, gathered(slot, pieces, to - from)]),
      ),
      lanes: values.lanes,
    };
    const gradient = { values: rows.values.subarray(from, to), ranges: [0, to - from] };
    await this.#rule.apply({ ...scalars, values: block, gradient });
    scatter(block.parameters, pieces, values.parameters);
    for (const [name, slot] of Object.entries(values.slots)) scatter(block.slots[name]!, pieces, slot);
  }
}

/** Elements that lie together: from `at` on in a block, from `start` on in the shard's vector. */
interface Piece {
  readonly at: number;
  readonly start: number;
  readonly count: number;
}

/** Of the rows, end to end, the elements from `from` to `to`. */
function* piecesBetween({ starts, values }: TableRows, from: number, to: number): Generator<Piece> {
  const rowLength = values.length / starts.length;
  for (let at = from; at < to; ) {
    const row = Math.floor(at / rowLength);
    const within = at - row * rowLength;
    const count = Math.min(rowLength - within, to - at);
    yield { at: at - from, start: starts[row]! + within, count };
    at += count;
  }
}

function gathered(vector: Float32Array, pieces: readonly Piece[], length: number): Float32Array {
  const block = new Float32Array(length);
  for (const { at, start, count } of pieces) block.set(vector.subarray(start, start + count), at);
  return block;
}

function scatter(block: Float32Array, pieces: readonly Piece[], vector: Float32Array): void {
  for (const { at, start, count } of pieces) vector.set(block.subarray(at, at + count), start);
}
