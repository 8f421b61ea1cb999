/** `--task translation`: translates sentences with an attention-based encoder-decoder over byte pairs. */
import { defaultOptimizer, graphOfProgram, translationLoss } from '@unroll/core';
import {
  decoderStepProgram,
  encoderStepProgram,
  initialTranslationParameters,
  trainableLoss,
  translationParameterShapes,
} from '@unroll/core/internal';
import { loadTokenizer, trainTokenizer } from '@unroll/core/text';
import { z } from 'zod';
import { parseConfig } from '../parse-config.js';
import { everyEpoch, withDefaults } from '../settings.js';
import type { Task, TaskModel } from '../task.js';
import { encodePairs, pairTrainingData, requireTranslatable } from './batches.js';
import { heldOutPairs } from './evaluation.js';
import { readPairs, SAMPLE } from './sentence-pairs.js';

const count = z.int().positive();

const configSchema = z.object({
  model: z.strictObject({
    vocabSize: count,
    embeddingDim: count,
    hiddenDim: count,
    dropout: z.number().min(0).lt(1),
  }),
  tokenizer: z.record(z.string(), z.unknown()),
});

type TranslationTaskConfig = z.infer<typeof configSchema>;

/** Vocabulary size of both languages together. */
const vocabSize = 4000;

export const translation: Task = {
  name: 'translation',
  data: `a folder of parallel files whose name ends with the languages, as corpus-en-de, or '${SAMPLE}'`,
  defaults: withDefaults({
    model: { embeddingDim: 256, hiddenDim: 256, dropout: 0.3 },
    batchSize: 64,
    optimizer: defaultOptimizer('adam'),
    learningRate: 0.002,
    schedule: everyEpoch(0.6),
    clipNorm: 1,
    epochs: 5,
  }),
  selection: { metric: 'perplexity', better: 'lower' },
  configure: async (data, { model }) => {
    const texts = readPairs(data, 'train').map(({ source, target }) => `${source}\n${target}\n`);
    const tokenizer = trainTokenizer('bpe', texts, { vocabSize });
    return {
      model: {
        vocabSize: tokenizer.vocabSize,
        embeddingDim: model.embeddingDim!,
        hiddenDim: model.hiddenDim!,
        dropout: model.dropout!,
      },
      tokenizer: tokenizer.toJSON(),
    } satisfies Record<keyof TranslationTaskConfig, unknown>;
  },
  model: (config) => translationModel(parseConfig(configSchema, config)),
};

function translationModel(config: TranslationTaskConfig): TaskModel {
  const { model } = config;
  const tokenizer = loadTokenizer(config.tokenizer);
  const shapes = translationParameterShapes(model);
  return {
    trainable: trainableLoss(shapes, ({ batch, source, target }) =>
      translationLoss(model, { batch: batch!, source: source!, target: target! }),
    ),
    initialParameters: (seed) => initialTranslationParameters(model, seed),
    trainingData: async (data, settings) =>
      pairTrainingData(model, encodePairs(tokenizer, readPairs(data, 'train')), settings),
    heldOutData: async (data, split) => {
      const pairs = readPairs(data, split);
      const encoded = encodePairs(tokenizer, pairs);
      requireTranslatable(pairs, encoded);
      return heldOutPairs(model, tokenizer, pairs, encoded);
    },
    bundle: (parameters) => ({
      graphs: {
        encoder: graphOfProgram(encoderStepProgram(model), shapes, parameters),
        decoder: graphOfProgram(decoderStepProgram(model), shapes, parameters),
      },
      config: { ...config },
    }),
  };
}
