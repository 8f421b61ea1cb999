/**
 * Applies the optimizer only to the rows of tables that have a gradient. The rows are gathered into blocks, passed to
 * the update rule like any vector, and written back.
 */
import { optimizerSlots } from '@unroll/core/config';
import type { ShardValues } from '../shard/messages.js';
import { NotFinite, type UpdateRule, type UpdateRuleFactory, type UpdateScalars } from '../update-rules/update-rule.js';
import type { ModelDescription } from '../vectors/model.js';
import type { ShardLayout } from '../vectors/partition.js';
import type { RowGradient, TableRows } from '../vectors/row-gradient.js';

/** The greatest number of elements in a block: as many as the update rule takes at a time. */
const blockLength = 64 * 1024;

export class RowUpdate {
  readonly #rule: UpdateRule;
  readonly #length: number;
  /** The block that rows are gathered into; one update runs at a time. */
  readonly #block: Omit<ShardValues, 'lanes'>;

  /** Creates the update for the tables of a layout. */
  static async create(model: ModelDescription, layout: ShardLayout, createRule: UpdateRuleFactory): Promise<RowUpdate> {
    const length = Math.min(blockLength, layout.length - layout.denseLength);
    const slots = optimizerSlots(model.optimizer).map((name) => [name, new Float32Array(length)] as const);
    const block = { parameters: new Float32Array(length), slots: Object.fromEntries(slots) };
    return new RowUpdate(await createRule(model, length), block);
  }

  private constructor(rule: UpdateRule, block: Omit<ShardValues, 'lanes'>) {
    this.#rule = rule;
    this.#length = block.parameters.length;
    this.#block = block;
  }

  /** Updates the shard's values in place. */
  async apply(gradient: RowGradient, values: ShardValues, scalars: UpdateScalars): Promise<void> {
    for (const rows of gradient) {
      for (let from = 0; from < rows.values.length; from += this.#length) {
        await this.#applyBlock(rows, from, values, scalars);
      }
    }
  }

  /** Updates one block of the rows' elements, starting at `from`. */
  async #applyBlock(rows: TableRows, from: number, values: ShardValues, scalars: UpdateScalars): Promise<void> {
    const to = Math.min(from + this.#length, rows.values.length);
    const pieces = [...piecesBetween(rows, from, to)];
    const { parameters, slots } = this.#block;
    gather(values.parameters, pieces, parameters);
    for (const [name, slot] of Object.entries(values.slots)) gather(slot, pieces, slots[name]!);
    const gradient = { values: rows.values.subarray(from, to), ranges: [0, to - from] };
    const block = { parameters, slots, lanes: values.lanes };
    await this.#rule.apply({ ...scalars, values: block, gradient }).catch((error: unknown) => {
      if (!(error instanceof NotFinite)) throw error;
      const { at, start } = pieces.findLast((piece) => piece.at <= error.element)!;
      throw new NotFinite(start + error.element - at, error.value, error.vector);
    });
    scatter(parameters, pieces, values.parameters);
    for (const [name, slot] of Object.entries(values.slots)) scatter(slots[name]!, pieces, slot);
  }
}

/** Contiguous elements: from `at` on in a block, from `start` on in the shard's vector. */
interface Piece {
  readonly at: number;
  readonly start: number;
  readonly count: number;
}

/** Yields the elements `from` to `to` of the rows, counted as if the rows lay end to end. */
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

function gather(vector: Float32Array, pieces: readonly Piece[], block: Float32Array): void {
  for (const { at, start, count } of pieces) block.set(vector.subarray(start, start + count), at);
}

function scatter(block: Float32Array, pieces: readonly Piece[], vector: Float32Array): void {
  for (const { at, start, count } of pieces) vector.set(block.subarray(at, at + count), start);
}
