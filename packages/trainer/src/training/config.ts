/** What a training run is: validated once, here, and stored with its checkpoints. */
import {
  languageModelCells,
  languageModelConfig,
  lossScalingShapes,
  type OptimizerConfig,
  type Shapes,
  slotShapes,
} from '@unroll/core';
import { z } from 'zod';
import { UsageError } from '../errors.js';
import { gradientCodecSchema } from './gradient-codec.js';
import { baseOptimizer, modeSchema } from './modes.js';
import { softmaxSchema } from './softmax.js';

const count = z.int().positive();
const positive = z.number().positive();

export const optimizerSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('sgd') }),
  z.strictObject({ name: z.literal('momentum'), momentum: z.number() }),
  z.strictObject({ name: z.literal('nesterov'), momentum: z.number() }),
  z.strictObject({ name: z.literal('adam'), beta1: z.number(), beta2: z.number(), epsilon: positive }),
  z.strictObject({
    name: z.literal('adamw'),
    beta1: z.number(),
    beta2: z.number(),
    epsilon: positive,
    weightDecay: z.number(),
  }),
]) satisfies z.ZodType<OptimizerConfig>;

/** The model but for its vocabulary, which the tokenizer decides. */
export const architectureSchema = z.strictObject({
  cell: z.enum(languageModelCells),
  layers: count,
  embeddingDim: count,
  hiddenDim: count,
  projectionDim: count.optional(),
  dropout: z.number().min(0).lt(1),
  tieWeights: z.boolean(),
  recurrentBias: z.boolean(),
  softmax: softmaxSchema,
});

export const trainingConfigSchema = z.strictObject({
  model: architectureSchema,
  tokenizer: z.enum(['word', 'char', 'bpe']),
  /** The most tokens that the vocabulary may have, the most frequent ones; of words and characters all if left out. */
  vocabulary: count.optional(),
  /** Parameters start uniformly in ±initRange. */
  initRange: positive,
  /** Sequences of one global batch, over all workers. */
  batchSize: count,
  /** Steps of truncated back-propagation through time. */
  sequenceLength: count,
  optimizer: optimizerSchema,
  learningRate: positive,
  /** The learning rate of the first `constantEpochs` epochs is constant; each later epoch multiplies it by `decay`. */
  schedule: z.strictObject({ constantEpochs: count, decay: positive.max(1) }),
  /** Gradients are clipped to this global norm (Pascanu et al. 2013). */
  clipNorm: positive,
  /** `token`: the mean over all tokens; `sequence`: summed over time, averaged over the batch (Zaremba et al. 2014). */
  lossNormalization: z.enum(['token', 'sequence']),
  /** `mixed` computes matrix products and activations in float16. */
  precision: z.enum(['float32', 'mixed']).default('float32'),
  mode: modeSchema.default({ name: 'sync' }),
  /** How gradients travel to parameter servers. */
  gradientCodec: gradientCodecSchema.default({ name: 'float32' }),
  /** `rows`: workers of parameter servers hold only the rows of the embedding and the output layer that a step needs. */
  tables: z.enum(['whole', 'rows']).default('whole'),
  epochs: count,
  /** Stop after so many steps, if the epochs have not ended by then. */
  maxSteps: count.optional(),
  seed: z.int().nonnegative(),
});

export type TrainingConfig = z.infer<typeof trainingConfigSchema>;

/** The flag that sets each field, for error messages. */
const flags: Readonly<Record<string, string>> = {
  'model.cell': '--cell',
  'model.layers': '--layers',
  'model.embeddingDim': '--embedding',
  'model.hiddenDim': '--hidden',
  'model.projectionDim': '--projection',
  'model.dropout': '--dropout',
  tokenizer: '--tokenizer',
  vocabulary: '--vocabulary',
  batchSize: '--batch-size',
  sequenceLength: '--sequence-length',
  learningRate: '--learning-rate',
  clipNorm: '--clip-norm',
  precision: '--precision',
  epochs: '--epochs',
  maxSteps: '--max-steps',
  seed: '--seed',
};

/**
 * A checked configuration.
 * @throws UsageError naming the flag that is wrong
 */
export function parseTrainingConfig(input: unknown): TrainingConfig {
  const result = trainingConfigSchema.safeParse(input);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    const path = issue.path.join('.');
    throw new UsageError(`${flags[path] ?? path}: ${issue.message}`);
  }
  try {
    languageModelConfig({ vocabSize: 1, ...result.data.model });
  } catch (error) {
    throw new UsageError(
      (error as Error).message
        .replace('tieWeights', '--tie-weights')
        .replace('embeddingDim = hiddenDim', '--embedding equal to --hidden')
        .replace('embeddingDim = projectionDim', '--embedding equal to --projection')
        .replace(/^projectionDim/, '--projection:'),
    );
  }
  return result.data;
}

/** The learning rate of an epoch, counted from 0. */
export function learningRateAt({ learningRate, schedule }: TrainingConfig, epoch: number): number {
  return learningRate * schedule.decay ** Math.max(0, epoch - schedule.constantEpochs + 1);
}

/** By which the parameters that are kept are updated: where workers keep the momentum, as with top-k, one without. */
export function updateOptimizer(training: TrainingConfig): OptimizerConfig {
  return training.gradientCodec.name === 'top-k' ? { name: 'sgd' } : baseOptimizer(training);
}

/** What the update keeps from step to step: the optimizer's slots and, in mixed precision, the state of loss scaling. */
export function optimizerShapes(training: TrainingConfig, parameters: Shapes): Shapes {
  const slots = slotShapes(updateOptimizer(training), parameters);
  return { ...slots, ...(training.precision === 'mixed' ? lossScalingShapes : {}) };
}
