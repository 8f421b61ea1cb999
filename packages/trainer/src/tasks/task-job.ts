/** The training of a task as a job. Its checkpoints keep the model of the best evaluation so far. */
import { createHash } from 'node:crypto';
import type { Trainable } from '@unroll/core/internal';
import type { Arrays } from '../checkpoint/arrays.js';
import { inspectCheckpoint, keptCheckpoints } from '../checkpoint/checkpoint-files.js';
import type { KeptCheckpoints } from '../checkpoint/kept-checkpoints.js';
import { changedDataRemedy, isResumed, unknownData } from '../checkpoint/resumption.js';
import { computedSettings } from '../configuration/hyperparameters.js';
import { option } from '../configuration/option-names.js';
import { type Engine, type Residents, zeros } from '../engines/engine.js';
import { UnrollError } from '../errors.js';
import { checkWritable } from '../files/result-folder.js';
import { isBetter } from '../training/course.js';
import type {
  BestEvaluation,
  CheckpointedRun,
  JobCheckpoints,
  JobEvaluator,
  PauseResult,
  TrainingJob,
} from '../training/job.js';
import { lanesWith, statisticsOf } from '../training/learners/statistics.js';
import { type JobRequest, type PreparationOptions, snapshotPolicy, type TrainingRequest } from '../training/request.js';
import { scheduleNotices } from '../training/schedule-notices.js';
import { stepPlan } from '../training/step-plan.js';
import { CompiledPrograms } from './compiled-programs.js';
import { type GivenSettings, resumedSettings, settingsOf } from './settings.js';
import type { HeldOutData, Task, TaskConfig, TaskModel, TaskSettings } from './task.js';
import {
  type ResumableTaskCheckpoint,
  readResumableTaskCheckpoint,
  type TaskState,
  writeTaskCheckpoint,
} from './task-checkpoint.js';

/** A request to train the model of a task. */
export interface TaskRequest extends TrainingRequest {
  readonly task: Task;
  readonly given: GivenSettings;
}

interface Prepared {
  readonly settings: TaskSettings;
  readonly config: TaskConfig;
  readonly model: TaskModel;
  readonly resumed: ResumableTaskCheckpoint | undefined;
  readonly data: NonNullable<TaskState['data']>;
}

/**
 * Prepares the job of a request.
 * @throws UnrollError, UsageError with a line for the user
 */
async function taskJob(request: TaskRequest, { writes = true }: PreparationOptions): Promise<TrainingJob> {
  const { task, out, given } = request;
  const resumed = await checkpointToResume(request);
  if (writes) await checkWritable(out);
  const settings = resumed ? resumedSettings(resumed.state.training, given) : settingsOf(task, given);
  const config = resumed?.config ?? (await task.configure(request.data, settings));
  const model = resumed?.model ?? task.model(config);
  const { examples, fingerprint, batchesOf, countOf } = await model.trainingData(request.data, settings);
  const valid = await model.heldOutData(request.data, 'valid');
  const data = { sha256: fingerprint, examples };
  const dataNotices = resumed ? checkResumedData(request, resumed.state.data, data) : [];
  const { stepsPerEpoch } = stepPlan({ batchesOf, training: settings });
  const startValues = () => resumed?.latest ?? model.initialParameters(settings.seed);
  return {
    training: settings,
    model: model.trainable,
    batchesOf,
    facts: {
      task: task.name,
      unit: 'examples',
      trainCount: examples,
      validCount: valid.examples,
      ...task.selection,
    },
    start: {
      step: resumed?.state.step ?? 0,
      validation: resumed?.state.validation ?? [],
      evaluations: resumed?.state.evaluations,
      parameters: startValues,
      recurrent: model.trainable.statistics && lanesWith(model.trainable, startValues(), settings.batchSize),
      slots: resumed?.slots,
    },
    fingerprint: fingerprintOf(task, settings, config, data),
    notices: [...dataNotices, ...scheduleNotices(settings, stepsPerEpoch, resumed?.state)],
    countOf,
    evaluator: (engine, parameters) => metricOf(valid, engine, parameters, model.trainable),
    checkpoints: new TaskCheckpoints(request, { settings, config, model, resumed, data }),
    snapshots: snapshotPolicy(request),
  };
}

/**
 * Returns whether the training resumes from the checkpoint in its folder.
 * @throws UnrollError if the training may not write its checkpoints there
 */
async function requireTaskDestination(request: TaskRequest): Promise<boolean> {
  return isResumed(await inspectCheckpoint(request.out), request);
}

async function checkpointToResume(request: TaskRequest): Promise<ResumableTaskCheckpoint | undefined> {
  const { task, out } = request;
  if (!(await requireTaskDestination(request))) return undefined;
  return readResumableTaskCheckpoint(out, task);
}

/**
 * Compares the training data with the checkpoint's.
 * @param saved the checkpoint's fingerprint; older checkpoints have none
 * @returns lines for the user
 * @throws UnrollError if the data differ, unless the user allows it
 */
function checkResumedData(
  { out, changedData }: TaskRequest,
  saved: TaskState['data'],
  given: NonNullable<TaskState['data']>,
): string[] {
  if (!saved) return [unknownData(out)];
  if (saved.sha256 === given.sha256) return [];
  const line = `${option('data')}: holds other training examples than those of ${out} (${given.examples}, then ${saved.examples})`;
  if (changedData) return [line];
  throw new UnrollError(`${line}; ${changedDataRemedy()}`);
}

function fingerprintOf(task: Task, settings: TaskSettings, config: TaskConfig, data: Prepared['data']): string {
  const computes = JSON.stringify([task.name, computedSettings(settings), config, data]);
  return createHash('sha256').update(computes).digest('hex');
}

function metricOf(valid: HeldOutData, engine: Engine, parameters: Residents, model: Trainable): JobEvaluator {
  const statistics = engine.allocate(zeros(model.statistics ?? {}));
  const programs = new CompiledPrograms(engine, [parameters, statistics]);
  return {
    evaluate: async function* (values) {
      for (const name of statistics.names) statistics.write(name, values[name]!);
      const value = await valid.validate(programs);
      yield valid.examples;
      return value;
    },
    [Symbol.asyncDispose]: async () => {
      await programs[Symbol.asyncDispose]();
      statistics.dispose();
    },
  };
}

interface Best extends BestEvaluation {
  readonly parameters: Arrays;
}

class TaskCheckpoints implements JobCheckpoints {
  readonly folder: string;
  readonly #task: Task;
  readonly #prepared: Prepared;
  readonly #kept: KeptCheckpoints;
  #best: Best | undefined;

  constructor({ out, task }: TaskRequest, prepared: Prepared) {
    const firstStep = prepared.resumed?.state.step ?? 0;
    this.#kept = keptCheckpoints({ folder: out, keep: prepared.settings.keep, firstStep });
    this.folder = out;
    this.#task = task;
    this.#prepared = prepared;
    this.#best = bestOf(prepared.resumed);
  }

  get best(): BestEvaluation | undefined {
    if (!this.#best) return undefined;
    const { parameters, ...best } = this.#best;
    return best;
  }

  async takeOver(): Promise<CheckpointedRun | undefined> {
    // A checkpoint that cannot be read is replaced by the next one.
    const found = await readResumableTaskCheckpoint(this.folder, this.#task).catch(() => undefined);
    if (!found || !this.#isOurs(found)) return undefined;
    this.#best = bestOf(found);
    this.#kept.takeOver();
    return found.state;
  }

  async write(
    { pause, value, validation, evaluations, state }: PauseResult,
    isDue: () => Promise<boolean>,
  ): Promise<boolean> {
    const { settings, config, model, data } = this.#prepared;
    const { step, epoch } = pause;
    const { slots, recurrent } = state;
    const latest = { ...state.parameters, ...statisticsOf(model.trainable, recurrent, settings.batchSize) };
    const isBest = value !== undefined && isBetter(this.#task.selection.better, value, this.#best?.value);
    const best = isBest ? { epoch, step, value, parameters: copyOf(latest) } : this.#best;
    const { parameters = latest, ...bestEvaluation } = best ?? {};
    const run = {
      ...{ training: settings, step, validation: [...validation], evaluations: [...evaluations], data },
      ...(best ? { best: bestEvaluation as BestEvaluation } : {}),
    };
    const checkpoint = { task: this.#task, config, model, parameters, state: run, latest, slots };
    if (!(await writeTaskCheckpoint(this.folder, checkpoint, isDue))) return false;
    this.#best = best;
    await this.#kept.add({ step, isBest: false });
    return true;
  }

  /** Whether a checkpoint belongs to this run, or to one that computed the same. */
  #isOurs({ task, config, state }: ResumableTaskCheckpoint): boolean {
    const prepared = this.#prepared;
    const ours = fingerprintOf(this.#task, prepared.settings, prepared.config, prepared.data);
    return state.data !== undefined && fingerprintOf(task, state.training, config, state.data) === ours;
  }
}

function bestOf(checkpoint: ResumableTaskCheckpoint | undefined): Best | undefined {
  const best = checkpoint?.state.best;
  return best && { ...best, parameters: checkpoint!.parameters };
}

/** Copies arrays that the next step overwrites. */
function copyOf(arrays: Arrays): Arrays {
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, values.slice()]));
}

/** Returns a request together with the function that prepares its job. */
export function taskJobRequest(request: TaskRequest): JobRequest {
  const { data, out, engine, threads, command } = request;
  return {
    ...{ data, out, engine, threads, command },
    requireDestination: async () => void (await requireTaskDestination(request)),
    prepare: (options) => taskJob(request, options),
  };
}
