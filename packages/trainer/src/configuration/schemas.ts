/** Schemas of the configuration's variants, as they are stored: modes, schedules, softmaxes, gradient codecs. */
import { z } from 'zod';
import { mostDensity, mostRank } from './codec-limits.js';

const count = z.int().positive();
const factor = z.number().positive().max(1);

export const modeSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('sync') }),
  z.strictObject({ name: z.literal('ssp'), staleness: z.int().nonnegative() }),
  z.strictObject({ name: z.literal('async') }),
  z.strictObject({ name: z.literal('local'), localSteps: count }),
]);

export type Mode = z.infer<typeof modeSchema>;

export const scheduleSchema = z.discriminatedUnion('name', [
  /** Constant for `constantEpochs` epochs; then `decay` multiplies it at each later epoch. */
  z.strictObject({ name: z.literal('step'), constantEpochs: count, decay: factor }),
  /**
   * Falls from the full rate to zero at the end of the epochs: Loshchilov and Hutter (2017), eq. 5, without restarts.
   */
  z.strictObject({ name: z.literal('cosine') }),
  /** Multiplied by `decay` after more than `patience` epochs in a row without a new lowest validation perplexity. */
  z.strictObject({ name: z.literal('plateau'), decay: factor, patience: z.int().nonnegative() }),
]);

export type Schedule = z.infer<typeof scheduleSchema>;

/** The softmax of the output layer; absent for the full softmax. */
export const softmaxSchema = z
  .discriminatedUnion('name', [
    z.strictObject({ name: z.literal('sampled'), samples: count }),
    z.strictObject({ name: z.literal('adaptive'), cutoffs: z.array(count).optional() }),
  ])
  .optional();

export type Softmax = z.infer<typeof softmaxSchema>;

export const gradientCodecSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.enum(['float32', 'bfloat16', 'int8']) }),
  /** `density` is the fraction of each parameter's values that is sent. */
  z.strictObject({ name: z.literal('top-k'), density: z.number().positive().max(mostDensity) }),
  z.strictObject({ name: z.literal('power-sgd'), rank: z.int().positive().max(mostRank) }),
]);

export type GradientCodecConfig = z.infer<typeof gradientCodecSchema>;
