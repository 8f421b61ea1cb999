/** The numbers of a shard: does the arithmetic that the deterministic heart asks for. It decides nothing. */
import { keepsWithoutGradient, optimizerSlots } from '@unroll/core/config';
import { laneElements } from '../shard/agreement.js';
import type { Contribution, LaneRange, RunDescription, ShardValues } from '../shard/messages.js';
import { Refusal } from '../shard/refusal.js';
import { FrozenValues } from '../snapshots/frozen-values.js';
import { chunksOfRows, partsOfTables } from '../tables/row-chunks.js';
import { rowsByTable, type TableSelection } from '../tables/row-selection.js';
import { RowUpdate } from '../tables/row-update.js';
import type { NotFinite, UpdateRule, UpdateRuleFactory } from '../update-rules/update-rule.js';
import { areModerate, growsLittle } from '../vectors/bounded-growth.js';
import type { ShardLayout } from '../vectors/partition.js';
import { addRows, type RowGradient, scaleRows, sumOfSquaresOfRows } from '../vectors/row-gradient.js';
import { type Chunk, chunksOf, partsOfVector, type RowSelection } from '../vectors/shard-vector.js';
import { rowsWithin } from '../vectors/sparse-rows.js';
import {
  addSparse,
  type SparseVector,
  scaleSparse,
  sumOfSquares,
  wholeRange,
  withZeros,
} from '../vectors/sparse-vector.js';

/** A vector of the shard, or the rows of its tables in it, that a worker may read. */
export interface VectorSelection {
  readonly name: string;
  readonly tables: { readonly rows: readonly (readonly number[])[] } | { readonly whole: boolean };
}

const nothing: SparseVector = { values: new Float32Array(0), ranges: [] };

export class ShardStore {
  readonly #run: RunDescription;
  readonly #rule: Promise<UpdateRule>;
  /** The sum of the current step's gradients; empty until the first has arrived. */
  #gradient: SparseVector = nothing;
  /** The sum of squares of that sum; undefined if adding has not computed it. */
  #sumOfSquares: number | undefined;
  /** At least the norm of the sum of both: the sum of the contributions' norms. */
  #norm = 0;
  /** Whether no value is near the end of float32; undefined until the next update looks. */
  #isModerate: boolean | undefined;
  /** The sum of the tables' gradients. */
  #rows: RowGradient = [];
  readonly #rowUpdate: Promise<RowUpdate> | undefined;
  readonly #layout: ShardLayout;
  #values: ShardValues | undefined;
  /** The values at the moment of the snapshot that is being written. */
  #frozen: FrozenValues | undefined;
  /** The lanes' states after the current step's update; made with the first contribution. */
  #nextLanes: Float32Array | undefined;
  /** The update in progress, or the last one. */
  #updating: Promise<unknown> = Promise.resolve();
  /** The rows that the last update changed, and the step it led to. */
  #changed: { readonly step: number; readonly rows: RowSelection } | undefined;
  /**
   * The number of times values were installed. It shows whether an update began before the latest installation, so that
   * its changes do not concern the current values.
   */
  #installations = 0;

  constructor(run: RunDescription, layout: ShardLayout, createRule: UpdateRuleFactory) {
    this.#run = run;
    this.#layout = layout;
    this.#rule = createRule(run.model, layout.denseLength);
    if (layout.tables.length > 0) this.#rowUpdate = RowUpdate.create(run.model, layout, createRule);
    // The first update awaits these and reports their failure.
    for (const rule of [this.#rule, this.#rowUpdate]) rule?.catch(() => undefined);
  }

  /** The names of the optimizer's state, one vector each. */
  get slotNames(): readonly string[] {
    return optimizerSlots(this.#run.model.optimizer);
  }

  /**
   * Checks what a worker asks to read, before it waits for it: what is not there must not wait and take memory.
   * @throws Refusal if there is no vector of this name, or if rows are selected that the shard does not hold
   */
  select(name: string, tables: TableSelection = { whole: false }): VectorSelection {
    if (!['parameters', 'lanes', ...this.slotNames].includes(name)) {
      throw new Refusal('failed-precondition', `the shard has no vector '${name}'; pull parameters or slots`);
    }
    return { name, tables: 'rows' in tables ? { rows: rowsByTable(this.#layout, tables.rows) } : tables };
  }

  /** Returns a vector after `step` updates, for a worker that holds it after `since` updates. */
  chunks({ name, tables }: VectorSelection, step: number, since?: number): Iterable<Chunk> {
    const { parameters, slots, lanes } = this.#values!;
    if (name === 'lanes') return chunksOf([{ values: lanes, offset: 0, rowLength: this.#run.model.lanes.width }]);
    const vector = name === 'parameters' ? parameters : slots[name]!;
    if ('rows' in tables) return chunksOfRows(this.#layout, vector, tables.rows);
    if (tables.whole) return chunksOf([...partsOfVector(this.#layout, vector), ...partsOfTables(this.#layout, vector)]);
    const isUpToOneUpdate = name === 'parameters' && since === step - 1 && this.#changed?.step === step;
    return chunksOf(partsOfVector(this.#layout, vector), isUpToOneUpdate ? this.#changed!.rows : undefined);
  }

  /** Returns what an update would have made not finite, as `'kernel' would be Infinity`. */
  wordsFor({ element, value, vector }: NotFinite): string {
    const slice = this.#layout.slices.find(({ offset, length }) => element >= offset && element < offset + length);
    const table = this.#layout.tables.findLast(({ offset }) => element >= offset);
    const parameter = `'${(slice ?? table)!.parameter}'`;
    return `${vector === 'parameters' ? parameter : `${parameter}'s ${vector}`} would be ${value}`;
  }

  install(values: ShardValues): void {
    this.#values = values;
    this.#isModerate = undefined;
    this.#installations++;
    this.#changed = undefined;
    // The vectors that a snapshot is being written from no longer change.
    this.#frozen = undefined;
  }

  /** Freezes the current values, to be read while updates change them. Only one at a time, until {@link thaw}. */
  freeze(): FrozenValues {
    this.#frozen = new FrozenValues(this.#values!);
    return this.#frozen;
  }

  /** Ends the freeze: the values have been read, or are no longer needed. */
  thaw(): void {
    this.#frozen = undefined;
  }

  /**
   * Adds a contribution, or starts the sum with it.
   * @returns a vector that is no longer needed; empty if there is none
   */
  add(contribution: Contribution, range: LaneRange, isFirst: boolean): Float32Array {
    const { gradient, rows = [], lanes } = contribution;
    this.#norm = (isFirst ? 0 : this.#norm) + Math.sqrt(contribution.sumOfSquares);
    this.#takeLanes(lanes, range, isFirst);
    this.#rows = isFirst ? rows : addRows(this.#layout, this.#rows, rows);
    if (isFirst) {
      const before = this.#gradient;
      this.#gradient = gradient;
      this.#sumOfSquares = undefined;
      return before.values;
    }
    const { sum, sumOfSquares } = addSparse(this.#gradient, gradient);
    this.#gradient = sum;
    this.#sumOfSquares = sumOfSquares;
    return gradient.values;
  }

  #takeLanes(lanes: Float32Array, { from, to }: LaneRange, isFirst: boolean): void {
    if (this.#values!.lanes.length === 0) return;
    const next = this.#nextLanes ?? new Float32Array(laneElements(this.#run));
    this.#nextLanes = next;
    // The states of lanes that are not part of the step stay unchanged.
    if (isFirst) next.set(this.#values!.lanes);
    const { width } = this.#run.model.lanes;
    next.set(lanes.subarray(from * width, to * width), from * width);
  }

  /** Multiplies the step's gradient by `scale`. @returns the sum of squares of the product */
  measure(scale: number): number {
    if (scale !== 1) {
      this.#norm *= scale;
      scaleSparse(this.#gradient, scale);
      scaleRows(this.#rows, scale);
      this.#sumOfSquares = undefined;
    }
    return (this.#sumOfSquares ?? sumOfSquares(this.#gradient)) + sumOfSquaresOfRows(this.#rows);
  }

  /** Applies the optimizer to the step's gradient. @returns the gradient's vector, which is no longer needed */
  update(step: number, learningRate: number, globalSumOfSquares: number): Promise<Float32Array> {
    const [gradient, rows] = [this.#gradient, this.#rows];
    this.#gradient = nothing;
    this.#rows = [];
    const values = this.#values!;
    this.#values = { ...values, lanes: this.#nextLanes ?? values.lanes };
    this.#nextLanes = values.lanes;
    const keeps = keepsWithoutGradient(this.#run.model.optimizer);
    const changed = keeps || gradient.values.length === 0 ? gradient : whole(gradient);
    this.#frozen?.keepRows(rows);
    this.#frozen?.keepRanges(changed.ranges);
    this.#isModerate ??= areModerate(vectorsOf(values));
    const isChecked = !this.#isModerate || !growsLittle(this.#run.model.optimizer, learningRate, this.#norm);
    const scalars = { learningRate, sumOfSquares: globalSumOfSquares, step, isChecked };
    const installation = this.#installations;
    // One update at a time: one of an abandoned generation may still be running.
    const updated = this.#updating.then(async () => {
      await (await this.#rowUpdate)?.apply(rows, values, scalars);
      if (changed.values.length > 0) {
        if (installation === this.#installations) {
          this.#changed = keeps ? { step, rows: rowsWithin(this.#layout, changed.ranges) } : undefined;
        }
        await (await this.#rule).apply({ ...scalars, values, gradient: changed });
      }
      if (isChecked) this.#isModerate = undefined;
    });
    this.#updating = updated.catch(() => undefined);
    return updated.then(() => gradient.values);
  }
}

function vectorsOf({ parameters, slots }: ShardValues): Float32Array[] {
  return [parameters, ...Object.values(slots)];
}

function whole(vector: SparseVector): SparseVector {
  const values = withZeros(vector);
  return { values, ranges: wholeRange(values.length) };
}
