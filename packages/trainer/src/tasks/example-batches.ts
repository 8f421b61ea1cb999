/** Deals the examples of batches to lanes: lane k of the global batch gets its k-th example. */
import type { BatchDimensions } from '@unroll/core/internal';
import type { BatchesOf, Inputs, LaneSlice } from '../training/learners/batch-source.js';

/** The examples of a batch, as some of its lanes see them. */
export interface DealtBatch<Example> {
  /** Number of the batch, counted from 0 over all epochs. */
  readonly index: number;
  readonly lanes: LaneSlice;
  /** The examples of all lanes. Those of an epoch's last batch may be fewer than its lanes. */
  readonly whole: readonly Example[];
  /** The examples of these lanes, from the first on. */
  readonly own: readonly Example[];
  /** The examples over which the loss is a mean. */
  readonly averaged: readonly Example[];
}

export interface ExampleBatches<Example> {
  readonly batchesPerEpoch: number;
  /** Returns the examples of a batch, counted from 0 over all epochs. */
  readonly examplesAt: (index: number) => readonly Example[];
  /**
   * Returns the shape of a batch with so many lanes. It depends on the examples of all lanes, so that all workers pad
   * alike.
   */
  readonly shapeOf: (whole: readonly Example[], lanes: number) => BatchDimensions;
  /** Whether all batches have one shape. */
  readonly isUniform: boolean;
  /** Returns the inputs of the loss for the lanes' own examples. Lanes without an example have weight 0. */
  readonly inputsOf: (batch: DealtBatch<Example>, shape: BatchDimensions) => Inputs;
}

/** Returns the batches of any lanes. Their loss is the scalar output `loss`. */
export function exampleBatches<Example>(options: ExampleBatches<Example>): BatchesOf {
  const { batchesPerEpoch, examplesAt, shapeOf, isUniform, inputsOf } = options;
  return (lanes, isWhole = false) => {
    const count = lanes.to - lanes.from;
    return {
      batchesPerEpoch,
      ...(isUniform ? { shape: shapeOf([], count) } : {}),
      batchAt: (index) => {
        const whole = examplesAt(index);
        const own = whole.slice(lanes.from, lanes.to);
        const averaged = isWhole ? own : whole;
        const shape = shapeOf(whole, count);
        return {
          shape,
          beginsEpoch: index % batchesPerEpoch === 0,
          fill: () => inputsOf({ index, lanes, whole, own, averaged }, shape),
          lossesOf: ({ loss }) => ({
            // The program knows only the lanes' sum: their first stands for all.
            sums: Float64Array.from({ length: count }, (_, lane) => (lane === 0 ? loss![0]! * averaged.length : 0)),
            counts: Float64Array.from({ length: count }, (_, lane) => (lane < own.length ? 1 : 0)),
          }),
        };
      },
    };
  };
}

/** Returns a batch whose lanes are all of its examples, as for evaluation. */
export function evaluatedBatch<Example>(examples: readonly Example[], lanes: number): DealtBatch<Example> {
  return { index: 0, lanes: { from: 0, to: lanes }, whole: examples, own: examples, averaged: examples };
}

/** Returns the weight of each lane's example in the mean, `[lanes]`. */
export function weightsInMean({ lanes, own, averaged }: DealtBatch<unknown>): Float32Array {
  return new Float32Array(lanes.to - lanes.from).fill(1 / averaged.length, 0, own.length);
}
