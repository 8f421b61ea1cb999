/** One process's part of a training run, from the request to the last checkpoint, as a stream of events. */
import { elementCount, type LanguageModelConfig, parameterShapes } from '@unroll/core';
import { type TrainingState, writeCheckpoint } from '../checkpoint/checkpoint.js';
import type { LaneBatches } from '../data/batches.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError, UsageError } from '../errors.js';
import { Evaluator } from '../evaluation/evaluate.js';
import type { TrainingConfig } from './config.js';
import { requireCodecFits } from './gradient-codec.js';
import type { Learner } from './learner.js';
import { divergence, type EpochProgress, type StepProgress, totalSteps, train } from './loop.js';
import { type PreparedTraining, prepareTraining, type TrainingRequest } from './prepare.js';
import { requireTablesFit } from './softmax.js';
import { StepPlan } from './step-plan.js';
import { createWork, laneBatches, type WorkerRole } from './work.js';

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
  /** Whether the run goes on if this process is interrupted: its lanes then go to other workers. */
  readonly mayLeave: boolean;
}

/** The model is being evaluated. */
export interface RunEvaluation {
  readonly type: 'evaluation';
  readonly tokens: number;
  readonly totalTokens: number;
}

export interface RunEpoch extends EpochProgress {
  /** Of this process, evaluation and checkpoints left out. */
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

/** One update is done. */
export interface RunStep extends StepProgress {
  /** Tokens of the step's batches, over all workers. */
  readonly batchTokens: number;
}

export type RunEvent = RunStart | RunStep | RunEvaluation | RunEpoch | RunCheckpoint;

export interface RunOptions {
  readonly request: TrainingRequest;
  /** Absent where this process trains alone. */
  readonly role?: WorkerRole;
  /** Ends training after the steps that are being computed, with a checkpoint if this process trains alone. */
  readonly signal?: AbortSignal;
}

/**
 * Trains as the request says. Each epoch ends with an evaluation and a checkpoint, written by worker 0.
 * @throws UnrollError, UsageError, ParameterServerError with a line for the user
 */
export async function* runTraining({ request, role, signal }: RunOptions): AsyncGenerator<RunEvent, void, undefined> {
  const prepared = await prepareTraining(request);
  const { training, model, train: ids, resumed } = prepared;
  if (role) requireShareable(training, role.workers);
  else requireAlone(training);
  if (!role) requireStepsLeft(prepared, request.out);
  const allLanes = allLaneBatches(prepared);
  const plan = new StepPlan(allLanes.stepsPerEpoch, training.mode);
  const { stepsPerEpoch } = plan;
  const tokensBefore = (step: number) => allLanes.tokensBefore(plan.batchesBefore(step));
  const engine = await selectEngine(request.engine, request.threads);
  await using work = await createWork(engine, prepared, request, role);
  const { learner } = work;
  const evaluates = !role || role.worker === 0;
  await using evaluator = evaluates ? Evaluator.of(engine, model, learner.parameters) : undefined;
  yield {
    type: 'start',
    engine: engine.description,
    parameters: parameterCount(model),
    vocabSize: model.vocabSize,
    trainTokens: ids.length,
    firstStep: learner.nextStep,
    totalSteps: totalSteps(training, stepsPerEpoch),
    stepsPerEpoch,
    epochs: training.epochs,
    mayLeave: work.mayLeave,
  };
  let started = performance.now();
  const checkpointStep = resumed?.state.step ?? 0;
  const validation = [...(resumed?.state.validation ?? [])];
  for await (const progress of train({
    training,
    validation,
    learner,
    stepsPerEpoch,
    checkpointStep,
    signal: role ? undefined : signal,
  })) {
    if (progress.type === 'step') {
      const batchTokens = tokensBefore(progress.step) - tokensBefore(progress.step - 1);
      yield { ...progress, batchTokens };
      if (role && signal?.aborted) return;
      continue;
    }
    const seconds = (performance.now() - started) / 1000;
    if (!evaluator) {
      yield { ...progress, seconds };
    } else if (await learner.meet()) {
      const validPerplexity = yield* evaluate(evaluator, prepared);
      // The last update of an epoch is the one whose effect no training loss shows.
      if (!Number.isFinite(validPerplexity)) throw divergence(progress.step, progress.learningRate);
      if (progress.complete) validation[progress.epoch - 1] = validPerplexity;
      const metrics = {
        validation,
        tokens: tokensBefore(progress.step),
        trainPerplexity: Math.exp(progress.lossSum / progress.tokens),
        validPerplexity,
      };
      if (await saveCheckpoint(request.out, prepared, learner, progress, metrics)) {
        yield { ...progress, seconds, validPerplexity };
        yield { type: 'checkpoint', folder: request.out, step: progress.step };
      }
    }
    started = performance.now();
  }
}

/**
 * @throws UsageError if the workers cannot share the batch evenly, or train in mixed precision, whose scale of the loss
 *   each would choose for itself
 */
export function requireShareable(training: TrainingConfig, workers: number): void {
  const { batchSize, precision } = training;
  if (precision === 'mixed') {
    throw new UsageError('--precision: mixed is for one process; leave out --workers and --servers, or --precision');
  }
  const { schedule, optimizer, accumulate } = training;
  // Only worker 0 evaluates.
  if (schedule.name === 'plateau') throw forOneProcess('--schedule', 'plateau ');
  if (optimizer.name === 'nt-asgd') throw forOneProcess('--optimizer', 'nt-asgd ');
  if (accumulate > 1) throw forOneProcess('--accumulate');
  if (batchSize % workers !== 0) {
    throw new UsageError(`--batch-size: ${batchSize} sequences cannot be shared evenly by ${workers} workers`);
  }
  requireCodecFits(training);
  requireTablesFit(training);
}

function forOneProcess(flag: string, value = ''): UsageError {
  return new UsageError(`${flag}: ${value}is for one process; leave out --workers and --servers, or ${flag}`);
}

/** @throws UsageError if the training is for several workers only */
function requireAlone({ mode, gradientCodec, tables }: TrainingConfig): void {
  if (tables === 'rows') {
    throw new UsageError('--tables: rows are for workers and parameter servers; give --workers or --servers');
  }
  if (gradientCodec.name !== 'float32') {
    throw new UsageError('--gradient-codec: is for workers and parameter servers; give --workers or --servers');
  }
  if (mode.name === 'sync') return;
  throw new UsageError(`--mode: ${mode.name} is for workers and parameter servers; give --workers or --servers`);
}

/** @throws UnrollError if the checkpoint has had all its steps */
export function requireStepsLeft(prepared: PreparedTraining, folder: string): void {
  const { training, resumed } = prepared;
  const { stepsPerEpoch } = new StepPlan(allLaneBatches(prepared).stepsPerEpoch, training.mode);
  if (!resumed || resumed.state.step < totalSteps(training, stepsPerEpoch)) return;
  throw new UnrollError(
    `${folder}: has had all its ${resumed.state.step} steps; give more --epochs or --max-steps to train on`,
  );
}

function allLaneBatches(prepared: PreparedTraining): LaneBatches {
  return laneBatches(prepared, { from: 0, to: prepared.training.batchSize });
}

function parameterCount(model: LanguageModelConfig): number {
  return Object.values(parameterShapes(model)).reduce((sum, shape) => sum + elementCount(shape), 0);
}

async function* evaluate(evaluator: Evaluator, { tokenizer, valid }: PreparedTraining) {
  const evaluation = evaluator.evaluate(valid, tokenizer.eosId);
  for (;;) {
    const { done, value } = await evaluation.next();
    if (done) return value.perplexity;
    yield { type: 'evaluation', tokens: value, totalTokens: valid.length } satisfies RunEvaluation;
  }
}

/** Returns false if there is nothing to save: the parameter servers lost the state before it was read. */
async function saveCheckpoint(
  folder: string,
  { model, tokenizer, training }: PreparedTraining,
  learner: Learner,
  { step, complete }: EpochProgress,
  metrics: Omit<TrainingState, 'training' | 'step'>,
): Promise<boolean> {
  const learned = await learner.state();
  if (!learned) return false;
  const { parameters, slots, recurrent } = learned;
  await writeCheckpoint(folder, {
    config: model,
    parameters,
    tokenizer,
    slots,
    recurrent: complete ? undefined : recurrent,
    state: { training, step, ...metrics },
  });
  return true;
}
