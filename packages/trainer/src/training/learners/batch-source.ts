/** The interface of what a model is trained on: the batches of some lanes, each a function of its number alone. */
import type { BatchDimensions } from '@unroll/core/internal';

/** The lanes of the global batch that one worker computes: `from` inclusive, `to` exclusive. */
export interface LaneSlice {
  readonly from: number;
  readonly to: number;
}

export type Inputs = Record<string, Float32Array | Int32Array>;

/** Losses by lane, `[lanes]` each. */
export interface LossesOfLanes {
  /** The sum over each lane's tokens or examples; nats for language models. */
  readonly sums: Float64Array;
  /** The number of tokens or examples. */
  readonly counts: Float64Array;
}

export interface TrainingBatch {
  readonly shape: BatchDimensions;
  /** Whether an epoch begins with this batch: the recurrent state then starts from zero. */
  readonly beginsEpoch: boolean;
  /** Returns the batch as inputs of a program; valid until another batch of its source is filled in. */
  fill(): Inputs;
  /** Returns the losses that a program computed for this batch. */
  lossesOf(outputs: Readonly<Record<string, Float32Array>>): LossesOfLanes;
}

export interface BatchSource {
  readonly batchesPerEpoch: number;
  /** The shape of all batches; absent if they differ. */
  readonly shape?: BatchDimensions;
  /** Returns a batch by its number, counted from 0 over all epochs. It depends on the seed and this number alone. */
  batchAt(index: number): TrainingBatch;
}

/**
 * Returns the batches of some lanes.
 * @param isWhole whether these lanes are the whole batch over which the loss is a mean; by default they are a part of
 *   the global batch, so that the gradients of all parts add up to the gradient of its loss
 * @throws UnrollError if there are too few data
 */
export type BatchesOf = (lanes: LaneSlice, isWhole?: boolean) => BatchSource;
