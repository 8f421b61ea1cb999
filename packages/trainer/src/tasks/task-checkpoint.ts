/** Checkpoints of applications and of users' models; `checkpoint/checkpoint-files.ts` describes the files. */
import type { Shapes } from '@unroll/core';
import type { Trainable } from '@unroll/core/internal';
import { z } from 'zod';
import type { Arrays } from '../checkpoint/arrays.js';
import { evaluationsSchema, languageModelKind } from '../checkpoint/checkpoint.js';
import { CheckpointFiles, inspectCheckpoint, writeCheckpointFiles } from '../checkpoint/checkpoint-files.js';
import { optimizerShapes } from '../configuration/optimizer-shapes.js';
import { schemaFault, UnrollError } from '../errors.js';
import { taskSettingsSchema } from './settings.js';
import type { Task, TaskConfig, TaskModel } from './task.js';
import { taskNames } from './task-names.js';
import { tasks } from './tasks.js';

const stateFields = z.object({
  training: taskSettingsSchema,
  /** Number of updates made so far. */
  step: z.int().nonnegative(),
  /**
   * The best evaluation so far: its epoch, counted from 1, its step, which older checkpoints lack, and its validation
   * metric. Absent before the first evaluation.
   */
  best: z.object({ epoch: z.int().positive(), step: z.int().nonnegative().optional(), value: z.number() }).optional(),
  /** The validation metric after each whole epoch; the plateau schedule depends on it. */
  validation: z.array(z.number()).default([]),
  /** The validation metric at every evaluation; absent in older checkpoints. */
  evaluations: evaluationsSchema.optional(),
  /** Fingerprint and size of the training data. */
  data: z.object({ sha256: z.string(), examples: z.int().nonnegative() }).optional(),
});

/** Older checkpoints have `settings` in the place of `training`. */
const stateSchema = z.preprocess((stored) => {
  if (typeof stored !== 'object' || stored === null || !('settings' in stored)) return stored;
  const { settings, ...rest } = stored;
  return { training: settings, ...rest };
}, stateFields);

export type TaskState = z.infer<typeof stateFields>;

export interface TaskCheckpoint {
  readonly task: Task;
  readonly config: TaskConfig;
  readonly model: TaskModel;
  /** The parameters of the best evaluation; the latest ones before the first. */
  readonly parameters: Arrays;
}

/** A checkpoint from which training can resume. */
export interface ResumableTaskCheckpoint extends TaskCheckpoint {
  readonly state: TaskState;
  /** The parameters that training had reached. */
  readonly latest: Arrays;
  readonly slots: Arrays;
}

/** Returns false where nothing was replaced, because that was no longer due when all was written. */
export function writeTaskCheckpoint(
  folder: string,
  checkpoint: ResumableTaskCheckpoint,
  isDue: () => Promise<boolean>,
): Promise<boolean> {
  const { task, config, model, parameters, state, latest, slots } = checkpoint;
  const shapes = storedShapes(model.trainable);
  const contents = { kind: task.name, config, parameters: { shapes, arrays: parameters } };
  const training = {
    state,
    slots: { shapes: optimizerShapes(state.training, model.trainable.parameters), arrays: slots },
    carried: { latest: { shapes, arrays: latest } },
  };
  return writeCheckpointFiles(folder, contents, training, isDue);
}

/**
 * Returns the task of the checkpoint in `folder`; undefined if it is a language model's or not a checkpoint.
 * @throws UnrollError if it is of a model that is none of ours
 */
export async function taskOfCheckpoint(folder: string): Promise<Task | undefined> {
  if ((await inspectCheckpoint(folder)) !== 'ours') return undefined;
  const { kind } = (await CheckpointFiles.readOnly(folder, 'config.json')).model();
  return kind === languageModelKind || kind === undefined ? undefined : knownTask(folder, kind);
}

/**
 * Reads a checkpoint's model.
 * @param own the task that it may be of, if that is none of ours
 * @throws UnrollError naming the file that is missing, altered or does not fit the others
 */
export async function readTaskCheckpoint(folder: string, own?: Task): Promise<TaskCheckpoint> {
  return modelIn(folder, await CheckpointFiles.read(folder), own);
}

/**
 * Reads a checkpoint with its training state.
 * @param own the task that it may be of, if that is none of ours
 * @throws UnrollError naming the file that is missing, altered or does not fit the others
 */
export async function readResumableTaskCheckpoint(folder: string, own?: Task): Promise<ResumableTaskCheckpoint> {
  const files = await CheckpointFiles.read(folder, { training: true });
  const checkpoint = modelIn(folder, files, own);
  const { trainable } = checkpoint.model;
  const state = files.json('training-state.json', (json) => {
    const { data, error } = stateSchema.safeParse(json);
    if (error) throw new Error(schemaFault(error));
    return data;
  });
  return {
    ...checkpoint,
    state,
    latest: files.latest(storedShapes(trainable)),
    slots: files.slots(optimizerShapes(state.training, trainable.parameters)),
  };
}

/** Returns the shapes of a checkpoint's arrays: the parameters and the statistics. */
export function storedShapes({ parameters, statistics }: Trainable): Shapes {
  return { ...parameters, ...statistics };
}

function modelIn(folder: string, files: CheckpointFiles, own?: Task): TaskCheckpoint {
  const { kind, config } = files.model();
  const task = knownTask(folder, kind, own);
  const model = files.json('config.json', () => task.model(config));
  return { task, config, model, parameters: files.parameters(storedShapes(model.trainable)) };
}

function knownTask(folder: string, kind: string | undefined, own?: Task): Task {
  if (own !== undefined && kind === own.name) return own;
  const name = taskNames.find((each) => each === kind);
  if (own === undefined && name !== undefined) return tasks[name];
  const is = `is a checkpoint of '${kind}'`;
  if (own !== undefined) throw new UnrollError(`${folder}: ${is}, not of '${own.name}'; choose another folder`);
  throw new UnrollError(`${folder}: ${is}, which is no application; give the module that it was trained from`);
}
