/** The configuration of a training run: validated once, here, and stored in its checkpoints. */
import {
  type LanguageModelConfig,
  languageModelCells,
  languageModelConfig,
  type OptimizerConfig,
} from '@unroll/core/config';
import { z } from 'zod';
import { UsageError } from '../errors.js';
import { flagOf } from './field-flags.js';
import { baseOptimizer } from './modes.js';
import { gradientCodecSchema, modeSchema, scheduleSchema, softmaxSchema } from './schemas.js';

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
  z.strictObject({ name: z.literal('adagrad'), epsilon: positive }),
  z.strictObject({ name: z.literal('rmsprop'), decay: z.number().min(0).lt(1), epsilon: positive }),
  z.strictObject({ name: z.literal('nt-asgd'), patience: z.int().nonnegative() }),
]) satisfies z.ZodType<OptimizerConfig>;

/** The model without its vocabulary size, which the tokenizer decides. */
const architectureSchema = z.strictObject({
  cell: z.enum(languageModelCells),
  layers: count,
  embeddingDim: count,
  hiddenDim: count,
  projectionDim: count.optional(),
  dropout: z.number().min(0).lt(1),
  variationalDropout: z.boolean().optional(),
  embeddingDropout: z.number().min(0).lt(1).optional(),
  weightDropout: z.number().min(0).lt(1).optional(),
  labelSmoothing: z.number().min(0).lt(1).optional(),
  tieWeights: z.boolean(),
  recurrentBias: z.boolean(),
  softmax: softmaxSchema,
});

export const trainingConfigSchema = z.strictObject({
  model: architectureSchema,
  tokenizer: z.enum(['word', 'char', 'bpe']),
  /**
   * The size limit of the vocabulary, which keeps the most frequent tokens. If left out, a word or character vocabulary
   * has no limit.
   */
  vocabulary: count.optional(),
  /** Parameters start uniformly in ±initRange. */
  initRange: positive,
  /** Sequences in one global batch, over all workers. */
  batchSize: count,
  /** Steps of truncated back-propagation through time. */
  sequenceLength: count,
  optimizer: optimizerSchema,
  learningRate: positive,
  schedule: scheduleSchema,
  /** The learning rate grows linearly during this many first steps. */
  warmupSteps: z.int().nonnegative().default(0),
  /** The number of parts of a batch whose gradients are computed one after another and summed. */
  accumulate: count.default(1),
  /**
   * Keeps the activations of this many steps at once and recomputes them in the backward pass. If left out, keeps the
   * whole sequence.
   */
  recomputeEvery: count.optional(),
  /** Gradients are clipped to this global norm (Pascanu et al. 2013). */
  clipNorm: positive,
  /** `token`: the mean over all tokens; `sequence`: summed over time, averaged over the batch (Zaremba et al. 2014). */
  lossNormalization: z.enum(['token', 'sequence']),
  /** `mixed` computes matrix products and activations in float16. */
  precision: z.enum(['float32', 'mixed']).default('float32'),
  mode: modeSchema.default({ name: 'sync' }),
  /** The codec that compresses gradients on their way to parameter servers. */
  gradientCodec: gradientCodecSchema.default({ name: 'float32' }),
  /**
   * With `rows`, workers of parameter servers hold only the rows of the embedding and output layer that a step needs.
   */
  tables: z.enum(['whole', 'rows']).default('whole'),
  epochs: count,
  /** Stops after this many steps, if the epochs have not ended by then. */
  maxSteps: count.optional(),
  seed: z.int().nonnegative(),
});

export type TrainingConfig = z.infer<typeof trainingConfigSchema>;

/**
 * Parses and checks a configuration.
 * @throws UsageError naming the flag that is wrong
 */
export function parseTrainingConfig(input: unknown): TrainingConfig {
  const result = trainingConfigSchema.safeParse(input);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    const path = issue.path.join('.');
    throw new UsageError(`${flagOf(path) ?? path}: ${issue.message}`);
  }
  requireAccumulable(result.data);
  requireRecomputable(result.data);
  checkedModel(result.data, Number.MAX_SAFE_INTEGER); // valid for any vocabulary
  return result.data;
}

/**
 * Returns the configuration's model for a vocabulary of this size.
 * @throws UsageError naming the flag that is out of range or contradicts another
 */
export function checkedModel({ model }: Pick<TrainingConfig, 'model'>, vocabSize: number): LanguageModelConfig {
  try {
    return languageModelConfig({ vocabSize, ...model });
  } catch (error) {
    throw new UsageError(inFlags((error as Error).message));
  }
}

/**
 * Replaces field names by flags in a message of `languageModelConfig`. It begins with a field such as
 * `softmax.cutoffs`, and may name others.
 */
function inFlags(message: string): string {
  return message
    .replace(/^(\w+)\./, '$1: ')
    .replace(/^\w+|\b[a-z]+[A-Z]\w*/g, (field) => flagOf(`model.${field}`) ?? field);
}

function requireAccumulable({ accumulate, batchSize, precision }: TrainingConfig): void {
  if (batchSize % accumulate !== 0) {
    throw new UsageError(`--accumulate: ${batchSize} sequences cannot be divided into ${accumulate} equal parts`);
  }
  if (accumulate > 1 && precision === 'mixed') {
    throw new UsageError('--accumulate: is for --precision float32; leave one of them out');
  }
}

function requireRecomputable({ recomputeEvery, model }: TrainingConfig): void {
  if (recomputeEvery === undefined || model.softmax?.name !== 'adaptive') return;
  throw new UsageError('--recompute-every: is not for --softmax adaptive; leave one of them out');
}

/**
 * Returns the optimizer that updates the shared parameters. With top-k the workers keep the momentum, so this one has
 * none.
 */
export function updateOptimizer(training: TrainingConfig): OptimizerConfig {
  return training.gradientCodec.name === 'top-k' ? { name: 'sgd' } : baseOptimizer(training);
}
