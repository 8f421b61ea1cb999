/** The numbers of a shard: does the arithmetic that the deterministic heart asks for. It decides nothing. */
import { keepsWithoutGradient, optimizerSlots } from '@unroll/core';
import type { ShardLayout } from './partition.js';
import type { RunDescription, ShardValues } from './shard/messages.js';
import { type Chunk, chunksOf, nonzeroRows, partsOfVector, type RowSelection } from './shard-vector.js';
import type { UpdateRule, UpdateRuleFactory } from './update-rule.js';

export class ShardStore {
  readonly #run: RunDescription;
  readonly #rule: Promise<UpdateRule>;
  /** The sum, then the average, of the current step's gradients. */
  readonly #gradient: Float32Array;
  #values: ShardValues | undefined;
  readonly #layout: ShardLayout;
  /** The rows that the last update changed, and the step it led to. */
  #changed: { readonly step: number; readonly rows: RowSelection } | undefined;

  constructor(run: RunDescription, layout: ShardLayout, createRule: UpdateRuleFactory) {
    this.#run = run;
    this.#layout = layout;
    this.#gradient = new Float32Array(layout.length);
    this.#rule = createRule(run.model, layout.length);
    // Awaited, and its failure reported, by the first update.
    this.#rule.catch(() => undefined);
  }

  /** The names of the optimizer's state, a vector each. */
  get slotNames(): readonly string[] {
    return optimizerSlots(this.#run.model.optimizer);
  }

  /** The vector of this name; undefined if there is none, or no values yet. */
  vector(name: string): Float32Array | undefined {
    return name === 'parameters' ? this.#values?.parameters : this.#values?.slots[name];
  }

  /**
   * A vector as it is after `step` updates, for a worker that has it as it was after `since`.
   * @returns undefined if there is no vector of this name
   */
  chunks(name: string, step: number, since: number | undefined): Iterable<Chunk> | undefined {
    const vector = this.vector(name);
    if (!vector) return undefined;
    const isUpToOneUpdate = name === 'parameters' && since === step - 1 && this.#changed?.step === step;
    return chunksOf(partsOfVector(this.#layout, vector), isUpToOneUpdate ? this.#changed!.rows : undefined);
  }

  install(values: ShardValues): void {
    this.#values = values;
  }

  add(gradient: Float32Array, isFirst: boolean): void {
    if (isFirst) this.#gradient.set(gradient);
    else addTo(this.#gradient, gradient);
  }

  /** Divides the sum by the number of workers; returns the sum of squares of the result. */
  average(workers: number): number {
    return averageOf(this.#gradient, workers);
  }

  async update(step: number, learningRate: number, sumOfSquares: number): Promise<void> {
    if (this.#gradient.length === 0) return;
    this.#changed = keepsWithoutGradient(this.#run.model.optimizer)
      ? { step, rows: nonzeroRows(partsOfVector(this.#layout, this.#gradient)) }
      : undefined;
    const rule = await this.#rule;
    await rule.apply({ values: this.#values!, gradient: this.#gradient, learningRate, sumOfSquares, step });
  }
}

function addTo(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
}

function averageOf(sum: Float32Array, count: number): number {
  let sumOfSquares = 0;
  for (let i = 0; i < sum.length; i++) {
    const average = Math.fround(sum[i]! / count);
    sum[i] = average;
    sumOfSquares += average * average;
  }
  return sumOfSquares;
}
