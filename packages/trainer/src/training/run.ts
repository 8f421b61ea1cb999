/** One process's part of a training run, from the request to the last checkpoint, as a stream of events. */
import { elementCount, initialParameters, type LanguageModelConfig, parameterShapes } from '@unroll/core';
import { connectParameterServers, type ParameterClient } from '@unroll/param-server';
import { writeCheckpoint } from '../checkpoint/checkpoint.js';
import { LaneBatches } from '../data/batches.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError, UsageError } from '../errors.js';
import { Evaluator } from '../evaluation/evaluate.js';
import { version } from '../version.js';
import type { LaneSlice } from './batch-inputs.js';
import type { TrainingConfig } from './config.js';
import { createDistributedLearner, createLocalLearner, type Learner, type LearnerOptions } from './learner.js';
import { divergence, type EpochProgress, type StepProgress, totalSteps, train } from './loop.js';
import { type PreparedTraining, prepareTraining, type TrainingRequest } from './prepare.js';

/** This process's place among the workers of a parameter server. */
export interface WorkerRole {
  /** Addresses as `host:port`, in the order of their shards. */
  readonly servers: readonly string[];
  /** In [0, workers). Worker 0 evaluates and writes the checkpoints. */
  readonly worker: number;
  readonly workers: number;
}

export interface RunStart {
  readonly type: 'start';
  readonly engine: string;
  readonly parameters: number;
  readonly vocabSize: number;
  readonly trainTokens: number;
  readonly firstStep: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
}

/** The model is being evaluated. */
export interface RunEvaluation {
  readonly type: 'evaluation';
  readonly tokens: number;
  readonly totalTokens: number;
}

export interface RunEpoch extends EpochProgress {
  /** Of this worker, evaluation and checkpoints left out. */
  readonly seconds: number;
  /** Given by the worker that evaluates. */
  readonly validPerplexity?: number;
}

/** A checkpoint was written. */
export interface RunCheckpoint {
  readonly type: 'checkpoint';
  readonly folder: string;
  readonly step: number;
}

export type RunEvent = RunStart | StepProgress | RunEvaluation | RunEpoch | RunCheckpoint;

export interface RunOptions {
  readonly request: TrainingRequest;
  /** Absent where this process trains alone. */
  readonly role?: WorkerRole;
  readonly signal?: AbortSignal;
}

/**
 * Trains as the request says. Each epoch ends with an evaluation and a checkpoint, written by worker 0.
 * @throws UnrollError, UsageError, ParameterServerError with a line for the user
 */
export async function* runTraining({ request, role, signal }: RunOptions): AsyncGenerator<RunEvent, void, undefined> {
  const prepared = await prepareTraining(request);
  const { training, model, train: ids, resumed } = prepared;
  const slice = role ? laneSlice(training, role) : { from: 0, to: training.batchSize };
  const batches = laneBatches(ids, training.batchSize, training.sequenceLength, slice);
  const firstStep = resumed?.state.step ?? 0;
  const lastStep = totalSteps(training, batches.stepsPerEpoch);
  if (firstStep >= lastStep) {
    throw new UnrollError(
      `${request.out}: has had all its ${firstStep} steps; give more --epochs or --max-steps to train on`,
    );
  }
  const engine = await selectEngine(request.engine, request.threads);
  await using work = await createWork({ engine, model, training, start: startOf(prepared) }, role, slice, firstStep);
  await using evaluator = await Evaluator.create(engine, model, work.learner.parameters);
  yield {
    type: 'start',
    engine: engine.description,
    parameters: parameterCount(model),
    vocabSize: model.vocabSize,
    trainTokens: ids.length,
    firstStep,
    totalSteps: lastStep,
    stepsPerEpoch: batches.stepsPerEpoch,
    epochs: training.epochs,
  };
  let previousTokens = resumed?.state.tokens ?? 0;
  let started = performance.now();
  for await (const progress of train({ training, learner: work.learner, batches, firstStep, signal })) {
    if (progress.type === 'step') {
      yield progress;
      continue;
    }
    const seconds = (performance.now() - started) / 1000;
    previousTokens += progress.tokens * (role?.workers ?? 1);
    if (role && role.worker !== 0) {
      yield { ...progress, seconds };
    } else {
      const validPerplexity = yield* evaluate(evaluator, prepared);
      // The last update of an epoch is the one whose effect no training loss shows.
      if (!Number.isFinite(validPerplexity)) throw divergence(progress.step, progress.learningRate);
      yield { ...progress, seconds, validPerplexity };
      const trainPerplexity = Math.exp(progress.lossSum / progress.tokens);
      await saveCheckpoint(request.out, prepared, work.learner, progress, {
        tokens: previousTokens,
        trainPerplexity,
        validPerplexity,
        keepRecurrent: !progress.complete && !role,
      });
      yield { type: 'checkpoint', folder: request.out, step: progress.step };
    }
    started = performance.now();
  }
}

/**
 * The lanes of the global batch that a worker computes.
 * @throws UsageError if the workers cannot share the batch evenly, or train in mixed precision, whose scale of the loss
 *   each would choose for itself
 */
export function laneSlice(
  { batchSize, precision }: TrainingConfig,
  { worker, workers }: Pick<WorkerRole, 'worker' | 'workers'>,
): LaneSlice {
  if (precision === 'mixed') {
    throw new UsageError('--precision: mixed is for one process; leave out --workers and --servers, or --precision');
  }
  if (batchSize % workers !== 0) {
    throw new UsageError(`--batch-size: ${batchSize} sequences cannot be shared evenly by ${workers} workers`);
  }
  const lanes = batchSize / workers;
  return { from: worker * lanes, to: (worker + 1) * lanes };
}

function laneBatches(ids: Int32Array, lanes: number, window: number, slice: LaneSlice): LaneBatches {
  try {
    return new LaneBatches(ids, { lanes, window, slice });
  } catch (error) {
    throw new UnrollError((error as Error).message);
  }
}

function startOf({ model, training, resumed }: PreparedTraining): LearnerOptions['start'] {
  if (resumed) return { parameters: resumed.parameters, slots: resumed.slots, recurrent: resumed.recurrent };
  return { parameters: initialParameters(model, { seed: training.seed, range: training.initRange }) };
}

function parameterCount(model: LanguageModelConfig): number {
  return Object.values(parameterShapes(model)).reduce((sum, shape) => sum + elementCount(shape), 0);
}

/** A learner and what it holds open. */
interface Work extends AsyncDisposable {
  readonly learner: Learner;
}

async function createWork(
  options: LearnerOptions,
  role: WorkerRole | undefined,
  slice: LaneSlice,
  firstStep: number,
): Promise<Work> {
  if (!role) {
    const learner = await createLocalLearner(options);
    return { learner, [Symbol.asyncDispose]: () => learner.dispose() };
  }
  const client = await joinServers(options, role, firstStep);
  try {
    const learner = await createDistributedLearner(options, client, slice);
    return {
      learner,
      [Symbol.asyncDispose]: async () => {
        await client.close();
        await learner.dispose();
      },
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}

async function joinServers(
  { model, training, start }: LearnerOptions,
  { servers, worker, workers }: WorkerRole,
  step: number,
): Promise<ParameterClient> {
  const shapes = parameterShapes(model);
  const client = await connectParameterServers({
    servers,
    worker,
    workers,
    incarnation: Date.now(),
    version,
    parameters: Object.entries(shapes).map(([name, shape]) => ({ name, shape })),
    optimizer: training.optimizer,
    clipNorm: training.clipNorm,
    callSeconds: slowestEvaluationSeconds,
  });
  if (worker === 0) {
    await client.initialize({ parameters: start.parameters, slots: slotsByName(start.slots ?? {}), step });
  }
  return client;
}

/** While worker 0 evaluates, the others wait for it to push. */
const slowestEvaluationSeconds = 6 * 3600;

/** `m/lstm.0.kernel` → m → lstm.0.kernel. */
function slotsByName(slots: Readonly<Record<string, Float32Array>>): Record<string, Record<string, Float32Array>> {
  const nested: Record<string, Record<string, Float32Array>> = {};
  for (const [name, values] of Object.entries(slots)) {
    const slash = name.indexOf('/');
    const slot = name.slice(0, slash);
    nested[slot] ??= {};
    nested[slot][name.slice(slash + 1)] = values;
  }
  return nested;
}

async function* evaluate(evaluator: Evaluator, { tokenizer, valid }: PreparedTraining) {
  const evaluation = evaluator.evaluate(valid, tokenizer.eosId);
  for (;;) {
    const { done, value } = await evaluation.next();
    if (done) return value.perplexity;
    yield { type: 'evaluation', tokens: value, totalTokens: valid.length } satisfies RunEvaluation;
  }
}

async function saveCheckpoint(
  folder: string,
  { model, tokenizer, training }: PreparedTraining,
  learner: Learner,
  { step }: EpochProgress,
  metrics: { tokens: number; trainPerplexity: number; validPerplexity: number; keepRecurrent: boolean },
): Promise<void> {
  const { parameters, slots, recurrent } = await learner.state();
  const { tokens, trainPerplexity, validPerplexity, keepRecurrent } = metrics;
  await writeCheckpoint(folder, {
    config: model,
    parameters,
    tokenizer,
    slots,
    recurrent: keepRecurrent ? recurrent : undefined,
    state: { training, step, tokens, trainPerplexity, validPerplexity },
  });
}
