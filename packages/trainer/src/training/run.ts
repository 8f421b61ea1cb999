/** One process's part of a training run, from the prepared job to the last checkpoint, as a stream of events. */
import type { TrainingRecipe } from '../configuration/recipe.js';
import { selectEngine } from '../engines/select.js';
import { ResultLock } from '../files/result-lock.js';
import { ChiefWork, type RunCheckpoint, type RunEvaluation, type RunValidation } from './chief-work.js';
import type { BestEvaluation, JobFacts, TrainingJob } from './job.js';
import type { LossSum } from './learners/learner.js';
import { openLearner, type WorkerRole } from './learners/open-learner.js';
import { type Pause, type StepProgress, totalSteps, trainingSteps } from './loop.js';
import { parameterCount } from './parameter-count.js';
import type { JobRequest } from './request.js';
import { requireAlone, requireShareable } from './requirements.js';
import { isOnThisMachine, runOfServers } from './server-places.js';
import { StepMemory } from './step-memory.js';
import { stepPlan } from './step-plan.js';

export interface RunStart extends JobFacts {
  readonly type: 'start';
  readonly engine: string;
  readonly parameters: number;
  /** Everything that the training is configured by; a language model's or a task's configuration. */
  readonly settings: TrainingRecipe;
  readonly firstStep: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  /** Whether the run continues if this process is interrupted; its lanes then go to other workers. */
  readonly mayLeave: boolean;
  /** Lines for the user, before training begins. */
  readonly notices: readonly string[];
}

/** Reports the end of an epoch, or of the training within one. Its loss is the epoch's. */
export interface RunEpoch extends LossSum {
  readonly type: 'epoch';
  /** Counted from 1. */
  readonly epoch: number;
  readonly step: number;
  /** False if training ends within the epoch. */
  readonly complete: boolean;
  readonly learningRate: number;
  /** Seconds of this process, without evaluation and checkpoints. */
  readonly seconds: number;
  /** The validation metric, from the process that evaluates. */
  readonly value?: number;
  /** The best evaluation so far, if its parameters are kept as the checkpoint's model. */
  readonly best?: BestEvaluation | undefined;
}

/** Reports one completed update. */
export interface RunStep extends StepProgress {
  /** Tokens or examples of the step's batches, over all workers. */
  readonly batchCount: number;
}

export type RunEvent = RunStart | RunStep | RunEvaluation | RunValidation | RunEpoch | RunCheckpoint;

export interface RunOptions {
  readonly request: JobRequest;
  /** Absent if this process trains alone. */
  readonly role?: WorkerRole;
  /**
   * Ends training after the steps that are being computed, or the evaluation. The process that writes the checkpoints
   * then writes one; other workers do not listen.
   */
  readonly signal?: AbortSignal | undefined;
  /** Makes a worker leave the run after the step that it is computing; the others go on, or wait for it. */
  readonly leave?: AbortSignal | undefined;
}

/**
 * Trains a job. Each epoch ends with an evaluation and a checkpoint, and there are others if the recipe
 * says so; the chief of the workers makes them.
 * @throws UnrollError, UsageError, ParameterServerError with a line for the user
 */
export async function* runTraining(options: RunOptions): AsyncGenerator<RunEvent, void, undefined> {
  const memory = new StepMemory();
  try {
    yield* eventsOf(options, memory);
  } catch (error) {
    throw memory.explained(error);
  }
}

async function* eventsOf(
  { request, role, signal, leave }: RunOptions,
  memory: StepMemory,
): AsyncGenerator<RunEvent, void, undefined> {
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
  const engine = memory.watched(await selectEngine(request.engine, request.threads));
  await using opened = await openLearner(engine, job, role);
  const { learner } = opened;
  await using chief = new ChiefWork({ engine, job, learner, lock, signal });
  yield {
    type: 'start',
    engine: engine.description,
    parameters: parameterCount(job.model.parameters),
    settings: training,
    ...job.facts,
    firstStep: learner.nextStep,
    totalSteps: totalSteps(training, stepsPerEpoch),
    stepsPerEpoch,
    epochs: training.epochs,
    mayLeave: opened.mayLeave,
    notices: [...job.notices, ...memory.notices(role?.serverAddresses.every(isOnThisMachine) ? role.workers : 1)],
  };
  let seconds = 0;
  let started = performance.now();
  for await (const progress of trainingSteps({
    ...{ training, learner, stepsPerEpoch, checkpointStep: job.start.step },
    validation: chief.validation,
    isEvaluated: chief.isStartEvaluated,
    earlyStop: () => chief.earlyStop(),
    signal,
  })) {
    if (progress.type === 'step') {
      yield { ...progress, batchCount: countOfStep(job, plan, progress.step - 1) };
      if (leave?.aborted) return;
      continue;
    }
    seconds += (performance.now() - started) / 1000;
    const work = yield* chief.reach(progress);
    const done = typeof work === 'object' ? work : undefined;
    if (done?.validation) yield done.validation;
    if (progress.isEnd && work !== 'nothing') yield epochOf(progress, seconds, job, done?.validation);
    if (done) yield done.checkpoint;
    if (progress.isEnd) seconds = 0;
    started = performance.now();
  }
}

function epochOf(
  { epoch, step, complete, learningRate, lossSum, count }: Pause,
  seconds: number,
  { checkpoints: { best } }: TrainingJob,
  validation: RunValidation | undefined,
): RunEpoch {
  const measured = validation && { value: validation.value, best };
  return { type: 'epoch', epoch, step, complete, learningRate, lossSum, count, seconds, ...measured };
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
  return new ResultLock({ folder: out, role: `worker ${role.worker}`, run: runOfServers(role.serverAddresses) });
}
