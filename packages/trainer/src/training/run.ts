/** One process's part of a training run, from the prepared job to the last checkpoint, as a stream of events. */
import { selectEngine } from '../engines/select.js';
import { ResultLock } from '../files/result-lock.js';
import { EpochEnd, type RunEvaluation } from './epoch-end.js';
import type { BestEpoch, JobFacts, TrainingJob } from './job.js';
import { openLearner, type WorkerRole } from './learners/open-learner.js';
import { type EpochProgress, type StepProgress, totalSteps, trainingSteps } from './loop.js';
import { parameterCount } from './parameter-count.js';
import type { JobRequest } from './request.js';
import { requireAlone, requireShareable } from './requirements.js';
import { runOfServers } from './server-places.js';
import { stepPlan } from './step-plan.js';

export interface RunStart extends JobFacts {
  readonly type: 'start';
  readonly engine: string;
  readonly parameters: number;
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
  /** The validation metric, from the process that evaluates. */
  readonly value?: number;
  /** The best epoch so far, if its parameters are kept. */
  readonly best?: BestEpoch | undefined;
}

/** Reports a checkpoint that was written. */
export interface RunCheckpoint {
  readonly type: 'checkpoint';
  readonly folder: string;
  readonly step: number;
}

/** Reports one completed update. */
export interface RunStep extends StepProgress {
  /** Tokens or examples of the step's batches, over all workers. */
  readonly batchCount: number;
}

export type RunEvent = RunStart | RunStep | RunEvaluation | RunEpoch | RunCheckpoint;

export interface RunOptions {
  readonly request: JobRequest;
  /** Absent if this process trains alone. */
  readonly role?: WorkerRole;
  /**
   * Ends training after the steps that are being computed. If this process trains alone, it then writes a checkpoint.
   */
  readonly signal?: AbortSignal;
}

/**
 * Trains a job. Each epoch ends with an evaluation and a checkpoint; the chief of the workers writes it.
 * @throws UnrollError, UsageError, ParameterServerError with a line for the user
 */
export async function* runTraining({ request, role, signal }: RunOptions): AsyncGenerator<RunEvent, void, undefined> {
  await using lock = lockOf(request, role);
  if (!role || role.worker === 0) {
    await request.requireDestination();
    await lock.take();
  }
  // A worker may leave at any time: before training begins, a signal simply ends its process.
  const job = await request.prepare({ writes: false, signal: role ? undefined : signal });
  const { training } = job;
  if (role) requireShareable(job, role.workers);
  else requireAlone(job);
  const plan = stepPlan(job);
  const { stepsPerEpoch } = plan;
  const engine = await selectEngine(request.engine, request.threads);
  await using opened = await openLearner(engine, job, role);
  const { learner } = opened;
  await using epochEnd = new EpochEnd({ engine, job, learner, lock });
  yield {
    type: 'start',
    engine: engine.description,
    parameters: parameterCount(job.model.parameters),
    ...job.facts,
    firstStep: learner.nextStep,
    totalSteps: totalSteps(training, stepsPerEpoch),
    stepsPerEpoch,
    epochs: training.epochs,
    mayLeave: opened.mayLeave,
    notices: job.notices,
  };
  let started = performance.now();
  for await (const progress of trainingSteps({
    training,
    validation: epochEnd.validation,
    learner,
    stepsPerEpoch,
    checkpointStep: job.start.step,
    signal: role ? undefined : signal,
  })) {
    if (progress.type === 'step') {
      yield { ...progress, batchCount: countOfStep(job, plan, progress.step - 1) };
      if (role && signal?.aborted) return;
      continue;
    }
    const seconds = (performance.now() - started) / 1000;
    const value = yield* epochEnd.reach(progress);
    if (value === 'not mine') {
      yield { ...progress, seconds };
    } else if (value !== undefined) {
      const { best, folder } = job.checkpoints;
      yield { ...progress, seconds, value, best };
      yield { type: 'checkpoint', folder, step: progress.step };
    }
    started = performance.now();
  }
}

/** Returns the number of tokens or examples of a step's batches. */
function countOfStep(job: TrainingJob, plan: ReturnType<typeof stepPlan>, step: number): number {
  let count = 0;
  for (let batch = plan.batchesBefore(step); batch < plan.batchesBefore(step + 1); batch++) count += job.countOf(batch);
  return count;
}

/** Returns the lock of the checkpoint's folder. The workers of a run share it: the servers say who writes. */
function lockOf({ out }: JobRequest, role: WorkerRole | undefined): ResultLock {
  if (!role) return new ResultLock({ folder: out, role: 'training' });
  return new ResultLock({ folder: out, role: `worker ${role.worker}`, run: runOfServers(role.servers) });
}
