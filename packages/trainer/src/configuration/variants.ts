/**
 * Settings that are one of several kinds with details of their own: optimizers, schedules, modes, softmaxes, gradient
 * codecs. For each: its kinds, how a flag's argument is read, and the schema of what is stored.
 */
import { defaultOptimizer, type OptimizerConfig, optimizerNames } from '@unroll/core/config';
import type { z } from 'zod';
import { UsageError } from '../errors.js';
import { count, positive, type Value, wholeNumber, type Zod } from './values.js';

const optimizerSchema = (zod: Zod) => {
  const number = zod.number();
  const epsilon = positive.schema(zod);
  return zod.discriminatedUnion('name', [
    zod.strictObject({ name: zod.literal('sgd') }),
    zod.strictObject({ name: zod.literal('momentum'), momentum: number }),
    zod.strictObject({ name: zod.literal('nesterov'), momentum: number }),
    zod.strictObject({ name: zod.literal('adam'), beta1: number, beta2: number, epsilon }),
    zod.strictObject({ name: zod.literal('adamw'), beta1: number, beta2: number, epsilon, weightDecay: number }),
    zod.strictObject({ name: zod.literal('adagrad'), epsilon }),
    zod.strictObject({ name: zod.literal('rmsprop'), decay: zod.number().min(0).lt(1), epsilon }),
    zod.strictObject({ name: zod.literal('nt-asgd'), patience: zod.int().nonnegative() }),
  ]) satisfies z.ZodType<OptimizerConfig>;
};

export const optimizer: Value<ReturnType<typeof optimizerSchema>> = {
  argument: '<name>',
  choices: optimizerNames,
  parse: (name) => defaultOptimizer(name as OptimizerConfig['name']),
  schema: optimizerSchema,
};

const factor = (zod: Zod) => zod.number().positive().max(1);

const scheduleSchema = (zod: Zod) =>
  zod.discriminatedUnion('name', [
    /** Constant for `constantEpochs` epochs; then `decay` multiplies it at each later epoch. */
    zod.strictObject({ name: zod.literal('step'), constantEpochs: count.schema(zod), decay: factor(zod) }),
    /**
     * Falls from the full rate to zero at the end of the epochs: Loshchilov and Hutter (2017), eq. 5, without restarts.
     */
    zod.strictObject({ name: zod.literal('cosine') }),
    /** Multiplied by `decay` after more than `patience` epochs in a row without a new lowest validation perplexity. */
    zod.strictObject({ name: zod.literal('plateau'), decay: factor(zod), patience: wholeNumber.schema(zod) }),
  ]);

export type Schedule = z.output<ReturnType<typeof scheduleSchema>>;

/**
 * Schedules with default settings, for use where no preset gives others. The plateau's are those of PyTorch's example
 * word_language_model.
 */
const schedules: { readonly [Name in Schedule['name']]: Schedule & { readonly name: Name } } = {
  step: { name: 'step', constantEpochs: 4, decay: 0.5 },
  cosine: { name: 'cosine' },
  plateau: { name: 'plateau', decay: 0.25, patience: 0 },
};

export const schedule: Value<ReturnType<typeof scheduleSchema>> = {
  argument: '<name>',
  choices: Object.keys(schedules),
  parse: (name) => schedules[name as Schedule['name']],
  schema: scheduleSchema,
};

/** Details of modes, which have flags of their own: steps that a worker may be ahead, batches of a local round. */
export const modeDetails = { staleness: 2, localSteps: 25 } as const;

const modeSchema = (zod: Zod) =>
  zod.discriminatedUnion('name', [
    zod.strictObject({ name: zod.literal('sync') }),
    zod.strictObject({ name: zod.literal('ssp'), staleness: wholeNumber.schema(zod) }),
    zod.strictObject({ name: zod.literal('async') }),
    zod.strictObject({ name: zod.literal('local'), localSteps: count.schema(zod) }),
  ]);

export type Mode = z.output<ReturnType<typeof modeSchema>>;

const modes: { readonly [Name in Mode['name']]: Mode & { readonly name: Name } } = {
  sync: { name: 'sync' },
  ssp: { name: 'ssp', staleness: modeDetails.staleness },
  async: { name: 'async' },
  local: { name: 'local', localSteps: modeDetails.localSteps },
};

export const mode: Value<ReturnType<typeof modeSchema>> = {
  argument: '<name>',
  choices: Object.keys(modes),
  parse: (name) => modes[name as Mode['name']],
  schema: modeSchema,
};

const softmaxSchema = (zod: Zod) =>
  zod.discriminatedUnion('name', [
    zod.strictObject({ name: zod.literal('sampled'), samples: count.schema(zod) }),
    zod.strictObject({ name: zod.literal('adaptive'), cutoffs: zod.array(count.schema(zod)).optional() }),
  ]);

/** The softmax of the output layer; absent for the full softmax. */
export type Softmax = z.output<ReturnType<typeof softmaxSchema>>;

const defaultSamples = 8192;

export const softmaxUsage = `full, sampled[:<words>] (${defaultSamples}), or adaptive[:<cutoffs>]`;

export const softmax: Value<ReturnType<typeof softmaxSchema>, Softmax | 'full'> = {
  argument: '<kind>',
  parse: parseSoftmax,
  schema: softmaxSchema,
};

function parseSoftmax(text: string): Softmax | 'full' {
  if (text === 'full') return text;
  const [name, details] = text.split(':', 2);
  const counts = details?.split(',').map(Number) ?? [];
  if (counts.every((each) => Number.isSafeInteger(each) && each >= 1)) {
    if (name === 'adaptive') return { name, ...(details === undefined ? {} : { cutoffs: counts }) };
    if (name === 'sampled' && counts.length <= 1) return { name, samples: counts[0] ?? defaultSamples };
  }
  throw new UsageError(`--softmax: '${text}' is not a softmax; give ${softmaxUsage}`);
}

/**
 * The greatest fraction of each parameter's values that `top-k` may send: at a quarter, indices cost as much as they
 * save.
 */
const mostDensity = 0.25;

/** The greatest rank of `power-sgd`. */
const mostRank = 256;

const gradientCodecSchema = (zod: Zod) =>
  zod.discriminatedUnion('name', [
    zod.strictObject({ name: zod.enum(['float32', 'bfloat16', 'int8']) }),
    /** `density` is the fraction of each parameter's values that is sent. */
    zod.strictObject({ name: zod.literal('top-k'), density: zod.number().positive().max(mostDensity) }),
    zod.strictObject({ name: zod.literal('power-sgd'), rank: zod.int().positive().max(mostRank) }),
  ]);

export type GradientCodecConfig = z.output<ReturnType<typeof gradientCodecSchema>>;

export const gradientCodecUsage = 'float32, bfloat16, int8, top-k[:<density>] (0.001) or power-sgd[:<rank>] (4)';

/** The defaults of Lin et al. (2018), table 2, and Vogels et al. (2019), section 5. */
const defaultDensity = 0.001;
const defaultRank = 4;

export const gradientCodec: Value<ReturnType<typeof gradientCodecSchema>> = {
  argument: '<name>',
  parse: parseGradientCodec,
  schema: gradientCodecSchema,
};

function parseGradientCodec(text: string): GradientCodecConfig {
  const [name, amount] = text.split(':', 2);
  switch (name) {
    case 'float32':
    case 'bfloat16':
    case 'int8':
      if (amount === undefined) return { name };
      break;
    case 'top-k': {
      const density = amount === undefined ? defaultDensity : Number(amount);
      if (density > 0 && density <= mostDensity) return { name, density };
      break;
    }
    case 'power-sgd': {
      const rank = amount === undefined ? defaultRank : Number(amount);
      if (Number.isSafeInteger(rank) && rank >= 1 && rank <= mostRank) return { name, rank };
    }
  }
  throw new UsageError(
    `--gradient-codec: '${text}' is not a codec; give ${gradientCodecUsage}, a density up to ${mostDensity}, a rank up to ${mostRank}`,
  );
}
