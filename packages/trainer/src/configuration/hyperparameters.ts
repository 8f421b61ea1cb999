/**
 * The table of hyperparameters: for each its name, kind of value, default, help and flag, in one entry. Flags, `--help`,
 * stored configurations, their checks and messages, and the types of the library's options follow from it. A new
 * hyperparameter is a new entry. Its flag is its name with hyphens.
 */
import { languageModelCells } from '@unroll/core/config';
import type { z } from 'zod';
import {
  byDefault,
  count,
  type Defaulted,
  interval,
  oneOf,
  optional,
  positive,
  probability,
  sinceLater,
  text,
  toggle,
  type Value,
  wholeNumber,
  type Zod,
} from './values.js';
import {
  gradientCodec,
  gradientCodecUsage,
  mode,
  modeDetails,
  optimizer,
  schedule,
  softmax,
  softmaxUsage,
} from './variants.js';

/**
 * Places of a hyperparameter: the architecture of a language model; its tokens; the recipe, which every training has;
 * what else only trainings on text have (`sequences`); details of a mode; sizes that only applications have.
 */
type Part = 'model' | 'tokens' | 'recipe' | 'sequences' | 'mode' | 'application';

export interface Hyperparameter extends Value<z.ZodType, unknown> {
  readonly part: Part;
  readonly help: string;
  /** The value of a training for which nothing else is said; absent if it depends on the preset or the task. */
  readonly default?: unknown;
  /** Another name of its flag. */
  readonly alias?: string;
  /** The name that it had before: flags and code take it still, and a line names the new one. */
  readonly formerly?: string;
  /** Whether it has no flag: only presets, tasks and code set it. */
  readonly hasNoFlag?: true;
  /** The size of an application's model that the flag sets, too. */
  readonly isSize?: true;
  /** Whether only language models train with other values than the default. */
  readonly isForText?: true;
  /** Whether a resumed run may have another value than its checkpoint: it does not change what a step computes. */
  readonly mayChange?: true;
}

function rankOf(part: string, factor: string): string {
  return `rank of the ${part} of rwkv7 (default: ${factor} times the root of --hidden-dim, to a multiple of 32)`;
}

export const hyperparameters = {
  cell: {
    part: 'model',
    alias: 'architecture',
    ...oneOf('<type>', languageModelCells),
    help: 'the cell of the recurrent layers, or rwkv7 for the blocks of RWKV-7',
  },
  layers: { part: 'model', ...count, isSize: true, help: 'recurrent layers, or blocks' },
  embeddingDim: {
    part: 'model',
    formerly: 'embedding',
    ...count,
    isSize: true,
    help: 'width of the embedding (of rwkv7: that of --hidden-dim)',
  },
  hiddenDim: {
    part: 'model',
    formerly: 'hidden',
    ...count,
    isSize: true,
    help: 'units of a recurrent layer, or width of rwkv7',
  },
  headSize: { part: 'model', ...optional(count), help: 'width of a head of rwkv7 (default: 64)' },
  feedForwardDim: {
    part: 'model',
    ...optional(count),
    help: 'width of the channel mixing of rwkv7 (default: 4 times --hidden-dim)',
  },
  decayRank: { part: 'model', ...optional(count), help: rankOf('decay', '2.5') },
  rateRank: { part: 'model', ...optional(count), help: rankOf('in-context learning rate', '2.5') },
  valueRank: { part: 'model', ...optional(count), help: rankOf('value residual', '1.7') },
  gateRank: { part: 'model', ...optional(count), help: rankOf('gate', '5') },
  projectionDim: {
    part: 'model',
    formerly: 'projection',
    ...optional(count),
    help: 'width to which an lstm or cifg projects its output (default: none)',
  },
  dropout: { part: 'model', ...probability, isSize: true, help: 'probability of dropping a non-recurrent unit' },
  variationalDropout: {
    part: 'model',
    ...optional(toggle),
    help: 'drop the same units at all steps of a sequence',
  },
  embeddingDropout: {
    part: 'model',
    ...optional(probability),
    help: 'probability of dropping a word of a batch, wherever it occurs',
  },
  weightDropout: {
    part: 'model',
    ...optional(probability),
    help: 'probability of dropping a recurrent weight for a batch',
  },
  labelSmoothing: {
    part: 'model',
    ...optional(probability),
    help: 'part of a target’s probability that goes to all words alike',
  },
  tieWeights: { part: 'model', ...toggle, help: 'use the embedding as output layer' },
  recurrentBias: { part: 'model', ...toggle, hasNoFlag: true, help: 'a second bias, on the recurrent product' },
  tokenizer: {
    part: 'tokens',
    ...byDefault(oneOf('<kind>', ['word', 'char', 'bpe']), 'word'),
    help: 'what a token is',
  },
  vocabulary: {
    part: 'tokens',
    ...optional(count),
    help: 'most tokens to know, the most frequent ones (default: all words, 8192 of bpe)',
  },
  batchSize: { part: 'recipe', ...count, help: 'sequences of a step, over all workers' },
  initRange: { part: 'sequences', ...positive, hasNoFlag: true, help: 'parameters start uniformly in ± this range' },
  sequenceLength: { part: 'sequences', ...count, help: 'steps of truncated back-propagation through time' },
  optimizer: { part: 'recipe', ...optimizer, help: 'update rule' },
  learningRate: { part: 'recipe', ...positive, help: 'initial learning rate' },
  schedule: {
    part: 'recipe',
    ...schedule,
    help: 'how the learning rate falls; docs/training.md describes them',
  },
  warmupSteps: {
    part: 'recipe',
    ...sinceLater(wholeNumber, 0),
    help: 'steps in which the learning rate grows linearly at first',
  },
  recomputeEvery: {
    part: 'sequences',
    ...optional(count),
    help: 'steps of which activations are kept at once, to be computed again, in less memory (default: all)',
  },
  accumulate: {
    part: 'recipe',
    ...sinceLater(count, 1),
    help: 'parts of a batch that are computed one after another, in less memory',
  },
  // Pascanu et al. (2013).
  clipNorm: { part: 'recipe', ...positive, help: 'largest global norm of the gradient' },
  precision: {
    part: 'recipe',
    ...sinceLater(oneOf('<kind>', ['float32', 'mixed']), 'float32'),
    isForText: true,
    help: 'float32, or mixed: float16 where it is safe, for GPUs; one process only',
  },
  mode: {
    part: 'recipe',
    ...sinceLater(mode, { name: 'sync' }),
    help: 'how workers share the training (default: sync); docs/distributed.md compares',
  },
  staleness: {
    part: 'mode',
    ...byDefault(wholeNumber, modeDetails.staleness),
    help: `steps that a worker may be ahead of the slowest, with --mode ssp (default: ${modeDetails.staleness})`,
  },
  localSteps: {
    part: 'mode',
    ...byDefault(count, modeDetails.localSteps),
    help: `batches that a worker trains on by itself between updates, with --mode local (default: ${modeDetails.localSteps})`,
  },
  gradientCodec: {
    part: 'recipe',
    ...sinceLater(gradientCodec, { name: 'float32' }),
    help: `how workers send gradients: ${gradientCodecUsage}; docs/distributed.md compares`,
  },
  softmax: { part: 'model', ...optional(softmax), help: `which words a training step scores: ${softmaxUsage}` },
  // `token`: the mean over all tokens; `sequence`: summed over time, averaged over the batch (Zaremba et al. 2014).
  lossNormalization: {
    part: 'sequences',
    ...oneOf('<kind>', ['token', 'sequence']),
    hasNoFlag: true,
    help: 'what the loss is the mean over',
  },
  tables: {
    part: 'sequences',
    ...sinceLater(oneOf('<part>', ['whole', 'rows']), 'whole'),
    help:
      'what workers of parameter servers hold of the embedding and the output layer: whole (the default), or the rows of ' +
      'their batch, with --softmax sampled',
  },
  epochs: { part: 'recipe', ...count, mayChange: true, help: 'passes over the training text' },
  maxSteps: { part: 'recipe', ...optional(count), mayChange: true, help: 'stop after so many steps' },
  evalEvery: {
    part: 'recipe',
    ...optional(interval),
    mayChange: true,
    help: 'evaluate and save after so many steps or so long (30s, 10m, 2h), too (default: at the end of each epoch)',
  },
  saveEvery: {
    part: 'recipe',
    ...optional(interval),
    mayChange: true,
    help: 'save after so many steps or so long (30s, 10m, 2h), too, without evaluating',
  },
  keep: {
    part: 'recipe',
    ...optional(count),
    mayChange: true,
    help: 'keep the latest so many checkpoints, in --out/step-<n> (default: only the last, and the best)',
  },
  patience: {
    part: 'recipe',
    ...optional(count),
    mayChange: true,
    help: 'stop after so many evaluations in a row without a new best',
  },
  sample: {
    part: 'sequences',
    ...optional(text),
    mayChange: true,
    help: 'show at each evaluation how the model continues this text',
  },
  seed: { part: 'recipe', ...byDefault(wholeNumber, 1), help: 'seed of initialisation and dropout' },
  context: { part: 'application', ...count, isSize: true, help: 'rows of the past that a forecaster sees' },
  horizon: { part: 'application', ...count, isSize: true, help: 'rows of the future that a forecaster tells' },
} as const satisfies Readonly<Record<string, Hyperparameter>>;

type Table = typeof hyperparameters;
export type HyperparameterName = keyof Table;
type NamesIn<Place extends Part> = {
  [Each in HyperparameterName]: Table[Each] extends { part: Place } ? Each : never;
}[HyperparameterName];
type GivenFor<Entry> = Entry extends { parse?: (text: string) => infer Given } ? Given : never;

/** The values of the flags that were given, by the names of their hyperparameters. */
export type HyperparameterFlags = {
  -readonly [Each in HyperparameterName as Table[Each] extends { hasNoFlag: true } ? never : Each]?: GivenFor<
    Table[Each]
  >;
};

/** The schemas of the fields of a part. */
type Schemas<Place extends Part> = {
  -readonly [Each in NamesIn<Place>]: ReturnType<Table[Each]['schema']>;
};

/** The defaults of the fields of a part that have one. */
type Defaults<Place extends Part> = {
  -readonly [Each in NamesIn<Place> as Table[Each] extends Defaulted<unknown>
    ? Each
    : never]: Table[Each] extends Defaulted<infer Default> ? Default : never;
};

/** All hyperparameters with their names, in the order of the table. */
export const allHyperparameters = Object.entries<Hyperparameter>(hyperparameters) as readonly (readonly [
  HyperparameterName,
  Hyperparameter,
])[];

function fieldsOf<Each>(part: Part, read: (entry: Hyperparameter) => Each | undefined): Record<string, Each> {
  const fields = allHyperparameters.flatMap(([name, entry]) => {
    const value = entry.part === part ? read(entry) : undefined;
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(fields);
}

export function schemasOf<Place extends Part>(zod: Zod, part: Place): Schemas<Place> {
  return fieldsOf(part, ({ schema }) => schema(zod)) as Schemas<Place>;
}

export function defaultsOf<Place extends Part>(part: Place): Defaults<Place> {
  return fieldsOf(part, (entry) => entry.default) as Defaults<Place>;
}

/**
 * Returns the settings on which the results of steps depend: two runs for which they are equal compute the same, however
 * long they are and whenever they are evaluated.
 */
export function computedSettings<Settings extends object>(settings: Settings): Partial<Settings> {
  const fields = Object.entries(settings).filter(([name]) => !changeableFields.has(name));
  return Object.fromEntries(fields) as Partial<Settings>;
}

/**
 * Returns the settings of a resumed run.
 * @param given the settings that were given, by field
 */
export function resumedWith<Settings extends object>(
  saved: Settings,
  given: Readonly<Record<string, unknown>>,
): Settings {
  const changed = Object.entries(given).filter(([name, value]) => changeableFields.has(name) && value !== undefined);
  // `maxSteps` ends a run early: the next one goes on to the end unless it is given again.
  return { ...saved, maxSteps: undefined, ...Object.fromEntries(changed) };
}

/** Returns the settings that a resumed run may have other values of. */
export function changeableSettings<Settings extends object>(settings: Settings): Partial<Settings> {
  const fields = Object.entries(settings).filter(([name]) => changeableFields.has(name));
  return Object.fromEntries(fields) as Partial<Settings>;
}

/** Whether a resumed run may have another value of this field. */
export function isChangeable(field: string): boolean {
  return changeableFields.has(field);
}

const changeableFields = new Set<string>(
  allHyperparameters.flatMap(([name, entry]) => (entry.mayChange ? [name] : [])),
);

/** Returns the flag of a hyperparameter, such as `--batch-size`. */
export function flagNamed(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Returns the path of a hyperparameter in a language model's configuration, such as `model.hiddenDim`. */
export function pathOf(name: HyperparameterName): string {
  const { part }: Hyperparameter = hyperparameters[name];
  return part === 'model' ? `model.${name}` : name;
}

/**
 * Returns how the command line names a setting: the flag of its hyperparameter, then the detail in it that is meant, as
 * in `--softmax: cutoffs`; the path itself if it has no flag.
 */
export function flagOf(path: string): string {
  const found = allHyperparameters.find(
    ([name, { hasNoFlag }]) => !hasNoFlag && `${path}.`.startsWith(`${pathOf(name)}.`),
  );
  if (!found) return path;
  const detail = path.slice(pathOf(found[0]).length + 1);
  return detail === '' ? flagNamed(found[0]) : `${flagNamed(found[0])}: ${detail}`;
}
