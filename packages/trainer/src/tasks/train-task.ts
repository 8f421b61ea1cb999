/**
 * Trains a task's model in this process, from the request to the last checkpoint, as a stream of events. Every epoch
 * ends with a validation and a checkpoint, which holds the model of the best epoch so far.
 */
import { setImmediate } from 'node:timers/promises';
import type { Arrays } from '../checkpoint/checkpoint.js';
import { changedDataRemedy, isResumed, unknownData } from '../checkpoint/resumption.js';
import type { EngineName } from '../engines/engine-names.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError } from '../errors.js';
import { ResultLock } from '../files/result-lock.js';
import { divergence } from '../training/loop.js';
import { parameterCount } from '../training/parameter-count.js';
import { type GivenSettings, resumedSettings, settingsOf } from './settings.js';
import type { Task, TaskConfig, TaskModel, TaskSettings } from './task.js';
import {
  inspectTaskCheckpoint,
  type ResumableTaskCheckpoint,
  readResumableTaskCheckpoint,
  type TaskState,
  writeTaskCheckpoint,
} from './task-checkpoint.js';
import { TaskLearner } from './task-learner.js';

/** A request of the user. */
export interface TaskRequest {
  readonly task: Task;
  readonly data: string;
  readonly out: string;
  readonly given: GivenSettings;
  readonly engine: EngineName;
  /** Number of threads; 0 for all cores. */
  readonly threads: number;
  readonly resume: boolean;
  readonly overwrite: boolean;
  /** Whether a training may resume on data other than those it was trained on. */
  readonly changedData: boolean;
}

export interface TaskStarted {
  readonly type: 'start';
  readonly engine: string;
  readonly parameters: number;
  readonly examples: number;
  readonly validExamples: number;
  readonly firstStep: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  /** Lines for the user, before training begins. */
  readonly notices: readonly string[];
}

/** Reports one completed update. */
export interface TaskStepped {
  readonly type: 'step';
  readonly step: number;
  readonly examples: number;
  readonly loss: number;
}

/** Reports the end of an epoch, or of the part of one at which training ends. Its checkpoint has been written. */
export interface TaskValidated {
  readonly type: 'epoch';
  readonly epoch: number;
  readonly step: number;
  /** Mean loss over the epoch's batches that this process made. */
  readonly loss: number;
  readonly metric: string;
  readonly value: number;
  readonly best: TaskState['best'];
  /** Seconds without validation and checkpoint. */
  readonly seconds: number;
}

export type TaskEvent = TaskStarted | TaskStepped | TaskValidated;

interface Prepared {
  readonly settings: TaskSettings;
  readonly config: TaskConfig;
  readonly model: TaskModel;
  readonly resumed: ResumableTaskCheckpoint | undefined;
}

/**
 * Trains a task's model.
 * @param signal ends training after the step that is being computed, with a checkpoint
 * @throws UnrollError, UsageError with a line for the user
 */
export async function* trainTask(request: TaskRequest, signal?: AbortSignal): AsyncGenerator<TaskEvent, void> {
  await using lock = new ResultLock({ folder: request.out, role: 'training' });
  await requireDestination(request);
  await lock.take();
  const prepared = await prepare(request);
  const { settings, model, resumed } = prepared;
  const training = await model.trainingData(request.data, settings);
  const valid = await model.heldOutData(request.data, 'valid');
  const { stepsPerEpoch } = training;
  const totalSteps = Math.min(settings.epochs * stepsPerEpoch, settings.maxSteps ?? Number.POSITIVE_INFINITY);
  const firstStep = resumed?.state.step ?? 0;
  if (firstStep >= totalSteps) {
    throw new UnrollError(
      `${request.out}: has had all its ${firstStep} steps; give more --epochs or --max-steps to train on`,
    );
  }
  const data = { sha256: training.fingerprint, examples: training.examples };
  const notices = resumed ? checkResumedData(request, resumed.state.data, data) : [];
  const engine = await selectEngine(request.engine, request.threads);
  await using learner = new TaskLearner(engine, model, settings, startOf(prepared));
  yield {
    type: 'start',
    engine: engine.description,
    parameters: parameterCount(model.parameters),
    examples: training.examples,
    validExamples: valid.examples,
    ...{ firstStep, totalSteps, stepsPerEpoch, epochs: settings.epochs, notices },
  };
  let best: Best | undefined = resumed && { ...resumed.state.best, parameters: resumed.parameters };
  let epoch = newEpoch();
  for (let step = firstStep; step < totalSteps && !signal?.aborted; step++) {
    const learningRate = settings.learningRate * settings.decay ** Math.floor(step / stepsPerEpoch);
    const began = performance.now();
    const batch = training.batchAt(step);
    const loss = await learner.step(batch, step, learningRate);
    if (!Number.isFinite(loss)) throw divergence(step + 1, learningRate);
    epoch.seconds += (performance.now() - began) / 1000;
    epoch.lossSum += loss;
    epoch.steps += 1;
    yield { type: 'step', step: step + 1, examples: batch.examples, loss };
    // ONNX Runtime computes on this thread: give signals and timers a turn.
    await setImmediate();
    const done = step + 1;
    if (done % stepsPerEpoch !== 0 && done !== totalSteps && !signal?.aborted) continue;
    const value = await valid.validate(learner.programs);
    await lock.requireHeld();
    const number = Math.ceil(done / stepsPerEpoch);
    best = await save(request, prepared, learner, { best, epoch: number, value, step: done, data });
    yield {
      type: 'epoch',
      epoch: number,
      step: done,
      loss: epoch.lossSum / epoch.steps,
      metric: request.task.selection.metric,
      value,
      best: { epoch: best.epoch, value: best.value },
      seconds: epoch.seconds,
    };
    epoch = newEpoch();
  }
}

const newEpoch = () => ({ lossSum: 0, steps: 0, seconds: 0 });

async function prepare(request: TaskRequest): Promise<Prepared> {
  const { task, data, given } = request;
  const resumed = await checkpointToResume(request);
  const settings = resumed ? resumedSettings(resumed.state.settings, given) : settingsOf(task, given);
  const config = resumed?.config ?? (await task.configure(data, settings));
  return { settings, config, model: resumed?.model ?? task.model(config), resumed };
}

/** @throws UnrollError if the training may not write its checkpoints there */
async function requireDestination(request: TaskRequest): Promise<boolean> {
  return isResumed(await inspectTaskCheckpoint(request.out), request);
}

async function checkpointToResume(request: TaskRequest): Promise<ResumableTaskCheckpoint | undefined> {
  const { task, out } = request;
  if (!(await requireDestination(request))) return undefined;
  const checkpoint = await readResumableTaskCheckpoint(out);
  if (checkpoint.task === task) return checkpoint;
  throw new UnrollError(`${out}: holds a checkpoint of --task ${checkpoint.task.name}; choose another --out`);
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
  const line = `--data: holds other training examples than those of ${out} (${given.examples}, then ${saved.examples})`;
  if (changedData) return [line];
  throw new UnrollError(`${line}; ${changedDataRemedy}`);
}

function startOf({ model, resumed, settings }: Prepared): { parameters: Arrays; slots?: Arrays } {
  if (resumed) return { parameters: resumed.latest, slots: resumed.slots };
  return { parameters: model.initialParameters(settings.seed) };
}

interface Best {
  readonly epoch: number;
  readonly value: number;
  readonly parameters: Arrays;
}

/** Writes a checkpoint. Returns the best epoch so far, including this one. */
async function save(
  { task, out }: TaskRequest,
  { settings, config, model }: Prepared,
  learner: TaskLearner,
  {
    best,
    epoch,
    value,
    step,
    data,
  }: Pick<TaskValidated, 'epoch' | 'value' | 'step'> & {
    best: Best | undefined;
    data: TaskState['data'];
  },
): Promise<Best> {
  const { parameters: latest, slots } = await learner.state();
  const { better } = task.selection;
  const isBest = !best || (better === 'higher' ? value > best.value : value < best.value);
  const kept = isBest ? { epoch, value, parameters: latest } : best;
  const { parameters } = kept;
  const state = { settings, step, best: { epoch: kept.epoch, value: kept.value }, data };
  await writeTaskCheckpoint(out, { task, config, model, parameters, state, latest, slots });
  return kept;
}
