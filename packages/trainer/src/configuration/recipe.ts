/** How a model is trained, whatever it is: batches, optimizer, schedule, and how workers share the work. */
import type { OptimizerConfig } from '@unroll/core';
import { z } from 'zod';
import { gradientCodecSchema, modeSchema, scheduleSchema } from './schemas.js';

const count = z.int().positive();
const positive = z.number().positive();

const optimizerSchema = z.discriminatedUnion('name', [
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

/** The schemas of a recipe's fields. */
export const recipeFields = {
  /** Sequences or examples in one global batch, over all workers. */
  batchSize: count,
  optimizer: optimizerSchema,
  learningRate: positive,
  schedule: scheduleSchema,
  /** The learning rate grows linearly during this many first steps. */
  warmupSteps: z.int().nonnegative().default(0),
  /** The number of parts of a batch whose gradients are computed one after another and summed. */
  accumulate: count.default(1),
  /** Gradients are clipped to this global norm (Pascanu et al. 2013). */
  clipNorm: positive,
  /** `mixed` computes matrix products and activations in float16. */
  precision: z.enum(['float32', 'mixed']).default('float32'),
  mode: modeSchema.default({ name: 'sync' }),
  /** The codec that compresses gradients on their way to parameter servers. */
  gradientCodec: gradientCodecSchema.default({ name: 'float32' }),
  epochs: count,
  /** Stops after this many steps, if the epochs have not ended by then. */
  maxSteps: count.optional(),
  seed: z.int().nonnegative(),
};

export const recipeSchema = z.strictObject(recipeFields);

export type TrainingRecipe = z.infer<typeof recipeSchema>;
