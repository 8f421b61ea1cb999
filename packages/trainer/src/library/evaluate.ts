/** `evaluate`: measures a checkpoint on a part of a corpus, or of an application's data. */
import { type DynamicRule, dynamicRules } from '@unroll/core/config';
import { z } from 'zod';
import { option } from '../configuration/option-names.js';
import { type EngineName, engineNames } from '../engines/engine-names.js';
import { UsageError } from '../errors.js';
import {
  type AdaptationSettings,
  type CacheOptions,
  cacheSettings,
  type DynamicOptions,
  dynamicSettings,
} from '../evaluation/adaptation.js';
import { evaluateSplit, type SplitEvaluation } from '../evaluation/evaluate-split.js';
import { evaluateTask, type TaskEvaluation } from '../tasks/evaluate-task.js';
import { taskOfCheckpoint } from '../tasks/task-checkpoint.js';
import type { Listener } from '../terminal/listener.js';
import { inCode, listenerFields, parseOptions, path, signalOrNever } from './in-code.js';
import { type OwnModelSource, ownModelFields, ownTaskOf } from './own-model.js';

/** The checkpoint to measure, the data, and how. */
export interface EvaluateOptions extends Listener, OwnModelSource {
  /** A folder that `train` or `importModel` wrote. */
  readonly checkpoint: string;
  /**
   * A corpus: its folder, a text file, or `grammar` for the embedded one. For an application, its data: docs/applications.md
   * says how each reads them. Left out with a model of yours, which brings its own examples.
   */
  readonly data?: string | undefined;
  /** The part of the data; default `test`. */
  readonly split?: 'train' | 'valid' | 'test' | undefined;
  /** Default `auto`: the fastest that this machine has. */
  readonly engine?: EngineName | undefined;
  /** Threads of a CPU engine; 0, the default, for all cores. */
  readonly threads?: number | undefined;
  /** Lets a language model go on learning from the text, after each segment of it (Krause et al. 2018). */
  readonly dynamic?: DynamicOptions | undefined;
  /** Mixes in what followed states like the present one among the last `size` tokens (Grave et al. 2017). */
  readonly cache?: CacheOptions | undefined;
  /** Ends the evaluation early; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Perplexity and loss of a language model, or the metrics of an application, which then has a `task`. The metric of a
 * model of yours is its `loss`.
 */
export type Evaluation = SplitEvaluation | TaskEvaluation;

const amount = z.number().nonnegative();

const optionsSchema = z.strictObject({
  checkpoint: path,
  ...ownModelFields,
  data: path.optional(),
  split: z.enum(['train', 'valid', 'test']).default('test'),
  engine: z.enum(engineNames).default('auto'),
  threads: z.int().nonnegative().default(0),
  dynamic: z
    .strictObject({
      rule: z.enum(dynamicRules as readonly [DynamicRule, ...DynamicRule[]]).optional(),
      learningRate: amount.optional(),
      decay: amount.lt(1).optional(),
      segment: z.int().positive().optional(),
    })
    .optional(),
  cache: z
    .strictObject({ size: z.int().positive(), theta: amount.optional(), lambda: amount.lt(1).optional() })
    .optional(),
  signal: signalOrNever,
  ...listenerFields,
});

/**
 * Evaluates a checkpoint: every token of the text counts once.
 * @returns the loss in nats per token and its perplexity; of an application, its metrics by name
 * @throws UnrollError with one line that says what is missing or cannot be read; the signal's reason when it aborts
 * @example
 * const { perplexity } = await evaluate({ checkpoint: 'runs/first', data: 'grammar', split: 'valid' });
 * const { metrics } = await evaluate({ checkpoint: 'runs/mine', training: { model, loss, train, test } });
 */
export function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  return inCode(options, () => {
    const { signal, dynamic, cache, ...request } = parseOptions(optionsSchema, options, 'evaluate');
    const settings = {
      ...(dynamic ? { dynamic: dynamicSettings(dynamic) } : {}),
      ...(cache ? { cache: cacheSettings(cache) } : {}),
    };
    return evaluateModel(request, settings, signal);
  });
}

export type EvaluationRequest = Pick<
  z.infer<typeof optionsSchema>,
  'checkpoint' | 'data' | 'split' | 'engine' | 'threads' | 'training' | 'module'
>;

/** Evaluates a checkpoint for {@link evaluate} or the command. @throws as {@link evaluate}, with flags in its lines */
export async function evaluateModel(
  { data, training, module, ...request }: EvaluationRequest,
  settings: AdaptationSettings,
  signal: AbortSignal,
): Promise<Evaluation> {
  const own = await ownTaskOf({ training, module });
  if (own && data !== undefined)
    throw new UsageError(`${option('data')}: a model of yours brings its own examples; leave it out`);
  const task = own ?? (await taskOfCheckpoint(request.checkpoint));
  if (!own && data === undefined)
    throw new UsageError(`${option('data')}: is missing; give what the checkpoint is measured on`);
  const onData = { ...request, data: data ?? '' };
  if (!task) return evaluateSplit(onData, settings, signal);
  for (const name of ['dynamic', 'cache'] as const) {
    if (!settings[name]) continue;
    throw new UsageError(
      `${option(name)}: is for language models, and the checkpoint is of ${task.name}; leave it out`,
    );
  }
  return evaluateTask(onData, signal, own);
}
