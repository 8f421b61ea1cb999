/** The batches of a language model, as inputs of its programs, in arrays that are refilled at every step. */
import { type LanguageModelConfig, logUniformCandidates } from '@unroll/core';
import { elementCount, softmaxTails } from '@unroll/core/config';
import { dropoutMaskShapes, fillDropoutMasks, positionsOfTails } from '@unroll/core/internal';
import type { TrainingConfig } from '../../configuration/config.js';
import type { Batch, LaneBatches } from '../../data/batches.js';
import type { BatchSource, Inputs, LaneSlice, LossesOfLanes, TrainingBatch } from '../learners/batch-source.js';

/** The fields of a configuration that batches depend on. */
export type BatchConfig = Pick<TrainingConfig, 'batchSize' | 'sequenceLength' | 'lossNormalization' | 'seed'>;

export interface LanguageModelBatchesOptions {
  readonly model: LanguageModelConfig;
  readonly training: BatchConfig;
  readonly lanes: LaneSlice;
  /** The text of these lanes. */
  readonly text: Pick<LaneBatches, 'stepsPerEpoch' | 'batchAt'>;
  /** Whether these lanes are the whole batch over which the loss is a mean. */
  readonly isWhole?: boolean | undefined;
}

export class LanguageModelBatches implements BatchSource {
  readonly batchesPerEpoch: number;
  readonly shape: { readonly batch: number; readonly time: number };
  readonly #options: LanguageModelBatchesOptions;
  #inputs: Inputs | undefined;

  constructor(options: LanguageModelBatchesOptions) {
    const { training, lanes, text } = options;
    this.#options = options;
    this.batchesPerEpoch = text.stepsPerEpoch;
    this.shape = { batch: lanes.to - lanes.from, time: training.sequenceLength };
  }

  batchAt(index: number): TrainingBatch {
    const batch = this.#options.text.batchAt(index);
    return {
      shape: this.shape,
      beginsEpoch: batch.resetState,
      fill: () => this.#fill(batch, index),
      lossesOf: ({ tokenLosses }) => lossesOfLanes(batch, tokenLosses!),
    };
  }

  /**
   * Returns the inputs for this batch. A window shorter than the sequence length is padded with tokens of loss weight
   * 0. The positions of an adaptive softmax's tails are not padded here; `StepExecutable` pads them.
   */
  #fill(batch: Batch, index: number): Inputs {
    const { model, training, lanes, isWhole = false } = this.#options;
    this.#inputs ??= inputArrays(model, this.shape);
    const inputs = this.#inputs;
    const { ids, targets, lossWeights } = inputs;
    ids!.fill(0).set(batch.ids);
    targets!.fill(0).set(batch.targets);
    // The weights divide by the size of the whole batch: the gradients of all workers then add up to the gradient of
    // its loss.
    const whole = isWhole ? this.shape.batch : training.batchSize;
    const terms = training.lossNormalization === 'token' ? batch.steps * whole : whole;
    lossWeights!.fill(0).fill(1 / terms, 0, batch.ids.length);
    const { seed } = training;
    const place = { firstLane: lanes.from, lanes: this.shape.batch, time: this.shape.time };
    fillDropoutMasks(model, inputs, { ids: ids as Int32Array, seed, step: index, ...place });
    this.#fillCandidates(inputs, index);
    return { ...inputs, ...positionsOfTails(softmaxTails(model), targets as Int32Array) };
  }

  /** Fills in the sampled softmax's candidates, which are the same for the lanes of all workers. */
  #fillCandidates({ targets, candidates, candidateLogCounts, targetLogCounts }: Inputs, index: number): void {
    const { model, training } = this.#options;
    const { vocabSize, softmax } = model;
    if (softmax?.name !== 'sampled') return;
    const draw = { vocabSize, samples: softmax.samples, seed: training.seed, step: index };
    const { ids, logExpectedCount } = logUniformCandidates(draw);
    candidates!.set(ids);
    for (const [k, id] of ids.entries()) candidateLogCounts![k] = logExpectedCount(id);
    for (const [k, id] of targets!.entries()) targetLogCounts![k] = logExpectedCount(id);
  }
}

function inputArrays(model: LanguageModelConfig, { batch, time }: LanguageModelBatches['shape']): Inputs {
  const rows = time * batch;
  const masks = Object.entries(dropoutMaskShapes(model, batch, time));
  return {
    ids: new Int32Array(rows),
    targets: new Int32Array(rows),
    lossWeights: new Float32Array(rows),
    ...candidateArrays(model, rows),
    ...Object.fromEntries(masks.map(([name, shape]) => [name, new Float32Array(elementCount(shape))])),
  };
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

/** Sums a step's losses, `[time · lanes]`, time-major, by lane. */
function lossesOfLanes({ ids, lanes }: Batch, tokenLosses: Float32Array): LossesOfLanes {
  const [sums, counts] = [new Float64Array(lanes), new Float64Array(lanes)];
  for (let k = 0; k < ids.length; k++) {
    sums[k % lanes]! += tokenLosses[k]!;
    counts[k % lanes]! += 1;
  }
  return { sums, counts };
}
