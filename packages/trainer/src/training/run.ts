/** One process's part of a training run, from the request to the last checkpoint, as a stream of events. */
import { parameterShapes } from '@unroll/core';
import { type TrainingState, writeCheckpoint } from '../checkpoint/checkpoint.js';
import { selectEngine } from '../engines/select.js';
import { Evaluator } from '../evaluation/evaluate.js';
import type { Learner } from './learner.js';
import { divergence, type EpochProgress, type StepProgress, totalSteps, train } from './loop.js';
import { parameterCount } from './parameter-count.js';
import { type PreparedTraining, prepareTraining, type TrainingRequest } from './prepare.js';
import { requireAlone, requireShareable, requireStepsLeft } from './requirements.js';
import { scheduleNotices } from './schedule-notices.js';
import { StepPlan } from './step-plan.js';
import { allLaneBatches, createWork, type WorkerRole } from './work.js';

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
  /** Lines for the user, before training begins. */
  readonly notices: readonly string[];
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
  const evaluates = !role || role.worker === 0;
  // Where workers may leave, a signal ends them at once until they have begun.
  const prepared = await prepareTraining(request, { writes: evaluates, signal: role ? undefined : signal });
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
  await using evaluator = evaluates ? Evaluator.of(engine, model, learner.parameters) : undefined;
  yield {
    type: 'start',
    engine: engine.description,
    parameters: parameterCount(parameterShapes(model)),
    vocabSize: model.vocabSize,
    trainTokens: ids.length,
    firstStep: learner.nextStep,
    totalSteps: totalSteps(training, stepsPerEpoch),
    stepsPerEpoch,
    epochs: training.epochs,
    mayLeave: work.mayLeave,
    notices: [...prepared.notices, ...scheduleNotices(training, stepsPerEpoch, resumed?.state)],
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
        texts: prepared.texts,
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
