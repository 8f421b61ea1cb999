/** The configuration of a training run: validated once, here, and stored in its checkpoints. */
import { type LanguageModelConfig, languageModelCells, languageModelConfig } from '@unroll/core/config';
import { z } from 'zod';
import { UsageError } from '../errors.js';
import { flagOf } from './field-flags.js';
import { recipeFields } from './recipe.js';
import { softmaxSchema } from './schemas.js';

const count = z.int().positive();

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
  ...recipeFields,
  /** Parameters start uniformly in ±initRange. */
  initRange: z.number().positive(),
  /** Steps of truncated back-propagation through time. */
  sequenceLength: count,
  /**
   * Keeps the activations of this many steps at once and recomputes them in the backward pass. If left out, keeps the
   * whole sequence.
   */
  recomputeEvery: count.optional(),
  /** `token`: the mean over all tokens; `sequence`: summed over time, averaged over the batch (Zaremba et al. 2014). */
  lossNormalization: z.enum(['token', 'sequence']),
  /**
   * With `rows`, workers of parameter servers hold only the rows of the embedding and output layer that a step needs.
   */
  tables: z.enum(['whole', 'rows']).default('whole'),
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
