/** Turns a batch into the inputs of a training program, in arrays that are refilled at every step. */
import { type LanguageModelConfig, logUniformCandidates } from '@unroll/core';
import { softmaxTails } from '@unroll/core/config';
import { dropoutMaskShapes, fillDropoutMasks, positionsOfTails } from '@unroll/core/internal';
import { elementCount } from '@unroll/core/onnx';
import type { Batch } from '../data/batches.js';
import type { TrainingConfig } from './config.js';

/** The lanes of the global batch that one worker computes: `from` inclusive, `to` exclusive. */
export interface LaneSlice {
  readonly from: number;
  readonly to: number;
}

export type Inputs = Record<string, Float32Array | Int32Array>;

export class BatchInputs {
  readonly #model: LanguageModelConfig;
  readonly #training: TrainingConfig;
  readonly #slice: LaneSlice;
  readonly #rows: number;
  readonly #inputs: Inputs;

  constructor(model: LanguageModelConfig, training: TrainingConfig, slice: LaneSlice) {
    this.#model = model;
    this.#training = training;
    this.#slice = slice;
    this.#rows = training.sequenceLength * (slice.to - slice.from);
    this.#inputs = {
      ids: new Int32Array(this.#rows),
      targets: new Int32Array(this.#rows),
      lossWeights: new Float32Array(this.#rows),
      ...candidateArrays(model, this.#rows),
    };
    const masks = dropoutMaskShapes(model, slice.to - slice.from, training.sequenceLength);
    for (const [name, shape] of Object.entries(masks)) this.#inputs[name] = new Float32Array(elementCount(shape));
  }

  /**
   * Returns the inputs for this batch. A window shorter than the sequence length is padded with tokens of loss weight
   * 0. The positions of an adaptive softmax's tails are not padded here; `compileSteps` pads them.
   */
  fill(batch: Batch, step: number): Inputs {
    const { ids, targets, lossWeights } = this.#inputs;
    ids!.fill(0).set(batch.ids);
    targets!.fill(0).set(batch.targets);
    // The weights divide by the size of the whole batch: the gradients of all workers then add up to the gradient of
    // its loss.
    const { lossNormalization, batchSize } = this.#training;
    const terms = lossNormalization === 'token' ? batch.steps * batchSize : batchSize;
    lossWeights!.fill(0).fill(1 / terms, 0, batch.ids.length);
    const { from, to } = this.#slice;
    const { seed, sequenceLength: time } = this.#training;
    const masked = { ids: ids as Int32Array, seed, step, firstLane: from, lanes: to - from, time };
    fillDropoutMasks(this.#model, this.#inputs, masked);
    this.#fillCandidates(step);
    return { ...this.#inputs, ...positionsOfTails(softmaxTails(this.#model), targets as Int32Array) };
  }

  /** Fills in the sampled softmax's candidates, which are the same for the lanes of all workers. */
  #fillCandidates(step: number): void {
    const { vocabSize, softmax } = this.#model;
    if (softmax?.name !== 'sampled') return;
    const { samples } = softmax;
    const { ids, logExpectedCount } = logUniformCandidates({ vocabSize, samples, seed: this.#training.seed, step });
    const { targets, candidates, candidateLogCounts, targetLogCounts } = this.#inputs;
    candidates!.set(ids);
    for (const [k, id] of ids.entries()) candidateLogCounts![k] = logExpectedCount(id);
    for (const [k, id] of targets!.entries()) targetLogCounts![k] = logExpectedCount(id);
  }
}

function candidateArrays({ softmax }: LanguageModelConfig, rows: number): Inputs {
  if (softmax?.name !== 'sampled') return {};
  const { samples } = softmax;
  return {
    candidates: new Int32Array(samples),
    candidateLogCounts: new Float32Array(samples),
    targetLogCounts: new Float32Array(rows),
  };
}
