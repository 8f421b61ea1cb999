/** One process's part of a training run, from the request to the last checkpoint, as a stream of events. */
import { parameterShapes } from '@unroll/core';
import { runOfServers } from '../cluster/server-addresses.js';
import { selectEngine } from '../engines/select.js';
import { ResultLock } from '../files/result-lock.js';
import { EpochEnd, type RunEvaluation } from './epoch-end.js';
import { type EpochProgress, type StepProgress, totalSteps, train } from './loop.js';
import { parameterCount } from './parameter-count.js';
import { prepareTraining, requireDestination, type TrainingRequest } from './prepare.js';
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
  /** Whether the run continues if this process is interrupted; its lanes then go to other workers. */
  readonly mayLeave: boolean;
  /** Lines for the user, before training begins. */
  readonly notices: readonly string[];
}

export interface RunEpoch extends EpochProgress {
  /** Seconds of this process, without evaluation and checkpoints. */
  readonly seconds: number;
  /** Validation perplexity, from the process that evaluates. */
  readonly validPerplexity?: number;
}

/** Reports a checkpoint that was written. */
export interface RunCheckpoint {
  readonly type: 'checkpoint';
  readonly folder: string;
  readonly step: number;
}

/** Reports one completed update. */
export interface RunStep extends StepProgress {
  /** Tokens of the step's batches, over all workers. */
  readonly batchTokens: number;
}

export type RunEvent = RunStart | RunStep | RunEvaluation | RunEpoch | RunCheckpoint;

export interface RunOptions {
  readonly request: TrainingRequest;
  /** Absent if this process trains alone. */
  readonly role?: WorkerRole;
  /**
   * Ends training after the steps that are being computed. If this process trains alone, it then writes a checkpoint.
   */
  readonly signal?: AbortSignal;
}

/**
 * Trains as the request says. Each epoch ends with an evaluation and a checkpoint; the chief of the workers writes it.
 * @throws UnrollError, UsageError, ParameterServerError with a line for the user
 */
export async function* runTraining({ request, role, signal }: RunOptions): AsyncGenerator<RunEvent, void, undefined> {
  const writes = !role || role.worker === 0;
  await using lock = lockOf(request, role);
  if (writes) {
    await requireDestination(request);
    await lock.take();
  }
  // A worker may leave at any time: before training begins, a signal simply ends its process.
  const prepared = await prepareTraining(request, { writes: false, signal: role ? undefined : signal });
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
  await using epochEnd = new EpochEnd({ engine, prepared, learner, folder: request.out, lock, tokensBefore });
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
  for await (const progress of train({
    training,
    validation: epochEnd.validation,
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
    const validPerplexity = yield* epochEnd.reach(progress);
    if (validPerplexity === 'not mine') {
      yield { ...progress, seconds };
    } else if (validPerplexity !== undefined) {
      yield { ...progress, seconds, validPerplexity };
      yield { type: 'checkpoint', folder: request.out, step: progress.step };
    }
    started = performance.now();
  }
}

/** Returns the lock of the checkpoint's folder. The workers of a run share it: the servers say who writes. */
function lockOf({ out }: TrainingRequest, role: WorkerRole | undefined): ResultLock {
  if (!role) return new ResultLock({ folder: out, role: 'training' });
  return new ResultLock({ folder: out, role: `worker ${role.worker}`, run: runOfServers(role.servers) });
}
