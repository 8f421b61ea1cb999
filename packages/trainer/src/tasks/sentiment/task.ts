/** `--task sentiment`: decides whether a review is positive or negative, with a bidirectional LSTM over its words. */
import {
  classifierLoss,
  defaultOptimizer,
  graphOfProgram,
  type TextBatchShape,
  type TextClassifierConfig,
  uniformParameters,
} from '@unroll/core';
import {
  type BatchDimensions,
  classifierEvaluationProgram,
  classifierParameterShapes,
  classifierStepProgram,
  trainableLoss,
} from '@unroll/core/internal';
import { loadTokenizer, type Tokenizer, trainTokenizer } from '@unroll/core/text';
import { z } from 'zod';
import type { Arrays } from '../../checkpoint/arrays.js';
import { fingerprintOf } from '../data-fingerprint.js';
import { dropoutMasks } from '../dropout-masks.js';
import { batchesByStep } from '../epochs.js';
import { type DealtBatch, evaluatedBatch, exampleBatches, weightsInMean } from '../example-batches.js';
import { epochBatches, paddedLength, sortedBatches, timeMajor } from '../length-buckets.js';
import { parseConfig } from '../parse-config.js';
import { everyEpoch, withDefaults } from '../settings.js';
import type { HeldOutData, Programs, Task, TaskModel, TaskSettings, TrainingData } from '../task.js';
import { labels, readReviews, SAMPLE } from './reviews.js';

const count = z.int().positive();

const configSchema = z.object({
  model: z.strictObject({
    vocabSize: count,
    embeddingDim: count,
    hiddenDim: count,
    classes: count,
    dropout: z.number().min(0).lt(1),
  }),
  labels: z.array(z.string()).min(2),
  tokenizer: z.record(z.string(), z.unknown()),
});

type SentimentConfig = z.infer<typeof configSchema>;

interface EncodedReview {
  readonly ids: readonly number[];
  readonly label: number;
}

/** Batches are padded to a multiple of this many words. */
const bucketWords = 8;
/** Words that occur less often in training count as unknown: their embeddings would remain nearly random. */
const leastCount = 2;
const initRange = 0.08;
const evaluationBatch = 64;

export const sentiment: Task = {
  name: 'sentiment',
  data: `a folder with a .neg and a .pos file, one review a line, or '${SAMPLE}'`,
  defaults: withDefaults({
    model: { embeddingDim: 100, hiddenDim: 100, dropout: 0.5 },
    batchSize: 50,
    optimizer: defaultOptimizer('adam'),
    learningRate: 0.002,
    schedule: everyEpoch(1),
    clipNorm: 5,
    epochs: 5,
  }),
  selection: { metric: 'accuracy', better: 'higher' },
  configure: async (data, { model }) => {
    const texts = readReviews(data, 'train').map(({ text }) => `${text}\n`);
    const tokenizer = trainTokenizer('word', texts, { minCount: leastCount });
    return {
      model: {
        vocabSize: tokenizer.vocabSize,
        embeddingDim: model.embeddingDim!,
        hiddenDim: model.hiddenDim!,
        classes: labels.length,
        dropout: model.dropout!,
      },
      labels,
      tokenizer: tokenizer.toJSON(),
    } satisfies Record<keyof SentimentConfig, unknown>;
  },
  model: (config) => sentimentModel(parseConfig(configSchema, config)),
};

function sentimentModel(config: SentimentConfig): TaskModel {
  const { model } = config;
  const tokenizer = loadTokenizer(config.tokenizer);
  const shapes = classifierParameterShapes(model);
  return {
    trainable: trainableLoss(shapes, (shape) => classifierLoss(model, textShape(shape))),
    initialParameters: (seed) => uniformParameters(shapes, { seed, range: initRange }),
    trainingData: async (data, settings) => trainingData(model, encoded(tokenizer, data, 'train'), settings),
    heldOutData: async (data, split) => heldOutData(model, encoded(tokenizer, data, split)),
    bundle: (parameters: Arrays) => ({
      graphs: { step: graphOfProgram(classifierStepProgram(model), shapes, parameters) },
      config: { ...config },
    }),
  };
}

function encoded(tokenizer: Tokenizer, data: string, split: 'train' | 'valid' | 'test'): EncodedReview[] {
  return readReviews(data, split).map(({ text, label }) => ({ ids: tokenizer.encode(text), label }));
}

function trainingData(
  model: TextClassifierConfig,
  reviews: readonly EncodedReview[],
  { batchSize, seed }: TaskSettings,
): TrainingData {
  const lengths = reviews.map(({ ids }) => ids.length);
  const batchesPerEpoch = Math.ceil(reviews.length / batchSize);
  const indicesAt = batchesByStep(batchesPerEpoch, (epoch) => epochBatches(lengths, { batchSize, seed, epoch }));
  return {
    examples: reviews.length,
    fingerprint: fingerprintOf(reviews.flatMap(({ ids, label }) => [Int32Array.from(ids), String(label)])),
    countOf: (batch) => indicesAt(batch).length,
    batchesOf: exampleBatches({
      batchesPerEpoch,
      isUniform: false,
      examplesAt: (index) => indicesAt(index).map((k) => reviews[k]!),
      shapeOf: (chosen, lanes) => ({ ...shapeOf(chosen, lanes) }),
      inputsOf: (batch, shape) => ({
        ...inputsOf(batch, textShape(shape)),
        ...dropoutMasks({ rate: model.dropout, seed, ...batch }, [
          { time: textShape(shape).time, width: model.embeddingDim },
          { time: 1, width: 2 * model.hiddenDim },
        ]),
      }),
    }),
  };
}

function shapeOf(reviews: readonly EncodedReview[], batch: number): TextBatchShape {
  return { batch, time: paddedLength(Math.max(...reviews.map(({ ids }) => ids.length)), bucketWords) };
}

function inputsOf(dealt: DealtBatch<EncodedReview>, shape: TextBatchShape) {
  const { own } = dealt;
  const lengths = new Int32Array(shape.batch);
  const targets = new Int32Array(shape.batch);
  own.forEach(({ ids, label }, lane) => {
    lengths[lane] = ids.length;
    targets[lane] = label;
  });
  const sequences = own.map(({ ids }) => ids);
  return { ids: timeMajor(sequences, shape, 0), lengths, labels: targets, weights: weightsInMean(dealt) };
}

function heldOutData(model: TextClassifierConfig, reviews: readonly EncodedReview[]): HeldOutData {
  const evaluate = async (programs: Programs) => {
    let right = 0;
    let lossSum = 0;
    for (const indices of sortedBatches(
      reviews.map(({ ids }) => ids.length),
      evaluationBatch,
    )) {
      const chosen = indices.map((index) => reviews[index]!);
      const shape = shapeOf(chosen, evaluationBatch);
      const { ids, lengths } = inputsOf(evaluatedBatch(chosen, evaluationBatch), shape);
      const program = () => classifierEvaluationProgram(model, shape);
      const { logits } = await programs.run(`evaluation ${JSON.stringify(shape)}`, program, { ids, lengths });
      indices.forEach((index, lane) => {
        const scores = logits!.subarray(lane * model.classes, (lane + 1) * model.classes);
        const { label } = reviews[index]!;
        right += Number(scores.indexOf(Math.max(...scores)) === label);
        lossSum += crossEntropy(scores, label);
      });
    }
    return { accuracy: right / reviews.length, loss: lossSum / reviews.length };
  };
  return {
    examples: reviews.length,
    validate: async (programs) => (await evaluate(programs)).accuracy,
    evaluate,
  };
}

function crossEntropy(logits: Float32Array, label: number): number {
  const greatest = Math.max(...logits);
  const sum = logits.reduce((total, value) => total + Math.exp(value - greatest), 0);
  return Math.log(sum) + greatest - logits[label]!;
}

function textShape({ batch, time }: BatchDimensions): TextBatchShape {
  return { batch: batch!, time: time! };
}
