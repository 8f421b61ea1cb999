import { z } from 'zod';
import { type Arrays, jsonFile, withoutShapes, withPrefix, withShapes } from '../checkpoint/arrays.js';
import { readChecksummedFolder, replaceChecksummedFolder } from '../checkpoint/checksums.js';
import { decodeSafetensors, encodeSafetensors } from '../checkpoint/safetensors.js';
import { optimizerShapes } from '../configuration/optimizer-shapes.js';
import { schemaFault, UnrollError } from '../errors.js';
import { type FolderContents, inspectFolder } from '../files/result-folder.js';
import { taskSettingsSchema } from './settings.js';
import type { Task, TaskConfig, TaskModel } from './task.js';
import { taskNames } from './task-names.js';
import { tasks } from './tasks.js';

const modelFiles = ['config.json', 'model.safetensors'];
const trainingFiles = ['training-state.json', 'optimizer.safetensors'];
const latestPrefix = 'latest/';
const modelTypePrefix = 'unroll-';

const stateSchema = z.object({
  settings: taskSettingsSchema,
  /** Number of updates made so far. */
  step: z.int().nonnegative(),
  /** The best epoch so far, counted from 1, and its validation metric. */
  best: z.object({ epoch: z.int().positive(), value: z.number() }),
  /** The validation metric after each whole epoch; the plateau schedule depends on it. */
  validation: z.array(z.number()).default([]),
  /** Fingerprint and size of the training data. */
  data: z.object({ sha256: z.string(), examples: z.int().nonnegative() }).optional(),
});

export type TaskState = z.infer<typeof stateSchema>;

export interface TaskCheckpoint {
  readonly task: Task;
  readonly config: TaskConfig;
  readonly model: TaskModel;
  /** The parameters of the best epoch. */
  readonly parameters: Arrays;
}

/** A checkpoint from which training can resume. */
export interface ResumableTaskCheckpoint extends TaskCheckpoint {
  readonly state: TaskState;
  readonly latest: Arrays;
  readonly slots: Arrays;
}

/** Examines `folder`, to which a checkpoint may be written. */
export function inspectTaskCheckpoint(folder: string): Promise<FolderContents> {
  return inspectFolder(folder, ['training-state.json', 'optimizer.safetensors', ...modelFiles, 'checksums.json']);
}

/** Returns false where nothing was replaced, because that was no longer due when all was written. */
export async function writeTaskCheckpoint(
  folder: string,
  checkpoint: ResumableTaskCheckpoint,
  isDue: () => Promise<boolean>,
): Promise<boolean> {
  const { task, config, model, parameters, state, latest, slots } = checkpoint;
  const { parameters: shapes } = model.trainable;
  const training = {
    ...withPrefix(latestPrefix, withShapes(shapes, latest)),
    ...withShapes(optimizerShapes(state.settings, shapes), slots),
  };
  const files = {
    'config.json': jsonFile({ model_type: `${modelTypePrefix}${task.name}`, ...config }),
    'model.safetensors': encodeSafetensors(withShapes(shapes, parameters)),
    'training-state.json': jsonFile(state),
    'optimizer.safetensors': encodeSafetensors(training),
  };
  return replaceChecksummedFolder(folder, files, { isDue });
}

/** Returns the task of the checkpoint in `folder`; undefined if it is a language model's or not a checkpoint. */
export async function taskOfCheckpoint(folder: string): Promise<Task | undefined> {
  if ((await inspectTaskCheckpoint(folder)) !== 'ours') return undefined;
  const files = await readChecksummedFolder(folder, ['config.json']);
  return taskOf(parseJson(folder, 'config.json', files['config.json']!));
}

/**
 * Reads a checkpoint's model.
 * @param own the task that it may be of, if that is none of ours
 * @throws UnrollError naming the file that is missing, altered or does not fit the others
 */
export async function readTaskCheckpoint(folder: string, own?: Task): Promise<TaskCheckpoint> {
  return parseModel(folder, await readChecksummedFolder(folder, modelFiles), own);
}

/**
 * Reads a checkpoint with its training state.
 * @param own the task that it may be of, if that is none of ours
 * @throws UnrollError naming the file that is missing, altered or does not fit the others
 */
export async function readResumableTaskCheckpoint(folder: string, own?: Task): Promise<ResumableTaskCheckpoint> {
  const files = await readChecksummedFolder(folder, [...modelFiles, ...trainingFiles]);
  const checkpoint = parseModel(folder, files, own);
  const parsed = stateSchema.safeParse(parseJson(folder, 'training-state.json', files['training-state.json']!));
  if (!parsed.success) {
    throw new UnrollError(`${folder}/training-state.json: ${schemaFault(parsed.error)}; was it edited?`);
  }
  const file = `${folder}/optimizer.safetensors`;
  const tensors = decodeSafetensors(files['optimizer.safetensors']!, file);
  const { parameters: shapes } = checkpoint.model.trainable;
  const slots = optimizerShapes(parsed.data.settings, shapes);
  return {
    ...checkpoint,
    state: parsed.data,
    latest: withoutShapes(file, shapes, tensors, latestPrefix),
    slots: withoutShapes(file, slots, tensors),
  };
}

function parseModel(folder: string, files: Readonly<Record<string, Buffer>>, own?: Task): TaskCheckpoint {
  const { model_type: modelType, ...config } = parseJson(folder, 'config.json', files['config.json']!);
  const task = modelType === `${modelTypePrefix}${own?.name}` ? own : taskOf({ model_type: modelType });
  if (!task) {
    throw new UnrollError(`${folder}: is a ${modelType}, not a checkpoint of --task ${taskNames.join(', ')}`);
  }
  const model = modelOf(folder, task, config);
  const file = `${folder}/model.safetensors`;
  const tensors = decodeSafetensors(files['model.safetensors']!, file);
  return { task, config, model, parameters: withoutShapes(file, model.trainable.parameters, tensors) };
}

function taskOf({ model_type: modelType }: TaskConfig): Task | undefined {
  const name = taskNames.find((task) => modelType === `${modelTypePrefix}${task}`);
  return name && tasks[name];
}

function modelOf(folder: string, task: Task, config: TaskConfig): TaskModel {
  try {
    return task.model(config);
  } catch (error) {
    throw new UnrollError(`${folder}/config.json: ${(error as Error).message}; was it edited?`, { cause: error });
  }
}

function parseJson(folder: string, name: string, contents: Buffer): TaskConfig {
  try {
    return JSON.parse(contents.toString()) as TaskConfig;
  } catch (error) {
    throw new UnrollError(`${folder}/${name}: is not JSON; was it edited?`, { cause: error });
  }
}
