/** From the options of `train` to what the training loop takes, checked as the command checks its flags. */
import type { OptimizerConfig, OptimizerName } from '@unroll/core/config';
import type { JobData } from '../cluster/job-data.js';
import { parseTrainingConfig, type TrainingConfig } from '../configuration/config.js';
import { givenSizes } from '../configuration/former-names.js';
import { UsageError } from '../errors.js';
import { taskOfModule } from '../own-models/load-module.js';
import { type ModelTraining, optimizerNamed } from '../own-models/own-task.js';
import { type GivenSettings, settingsFromCode, settingsOf } from '../tasks/settings.js';
import type { Task, TaskSettings } from '../tasks/task.js';
import { type TaskName, taskNames } from '../tasks/task-names.js';
import { tasks } from '../tasks/tasks.js';
import { type PresetName, presetModel, presetNames, presets } from '../training/language-model/presets.js';
import type { TrainingRequest } from '../training/request.js';

/** An update rule by its name, with its usual details, or a configuration. */
type Optimizer = OptimizerName | OptimizerConfig;

type Changes<Settings> = { readonly [Field in keyof Settings]?: Settings[Field] | undefined };

/** A language model to train on a corpus. What is left out is as in the preset, or as the command has it. */
export interface LanguageModelTraining extends Changes<Omit<TrainingConfig, 'model' | 'optimizer'>> {
  /** A folder of train, valid and test texts, one text file, or `grammar` for the embedded corpus. */
  readonly data: string;
  /** Where the other settings come from; default `tiny`. docs/training.md describes the presets. */
  readonly preset?: PresetName | undefined;
  /** The architecture: `cell`, `layers`, `embeddingDim`, `hiddenDim` and more. */
  readonly model?: Changes<TrainingConfig['model']> | undefined;
  readonly optimizer?: Optimizer | undefined;
  /** The folder of a checkpoint whose model training begins with. */
  readonly initFrom?: string | undefined;
}

/** An application's model to train on its data. What is left out is as the application has it. */
export interface TaskTraining extends Changes<Omit<TaskSettings, 'model' | 'optimizer'>> {
  readonly task: TaskName;
  /** The application's data, or `sample`: docs/applications.md says how each reads them. */
  readonly data: string;
  /** Sizes of its model: `embeddingDim`, `hiddenDim`, `dropout`, `context`, `horizon`; each has some of them. */
  readonly model?: Changes<Record<string, number>> | undefined;
  readonly optimizer?: Optimizer | undefined;
}

/** A TensorFlow.js model that a module exports, which every process of a run can load. */
export interface ModuleTraining extends Changes<Omit<TaskSettings, 'model' | 'optimizer' | 'precision'>> {
  /** The module's path. Its default export is a {@link ModelTraining}, or a function that returns one. */
  readonly module: string;
  readonly optimizer?: Optimizer | undefined;
}

/** A training: the model, its data and its settings. */
export type Training = ModelTraining | ModuleTraining | TaskTraining | LanguageModelTraining;

/** The options of a run that its processes share. */
export type RunRequest = Omit<TrainingRequest, 'data'>;

/** Whether the model is in memory, which only this process has. */
export function isModelInMemory(training: Training): training is ModelTraining {
  return 'loss' in training || 'train' in training;
}

/**
 * Returns what to train as data.
 * @throws UsageError naming the option that is missing, unknown or out of range; UnrollError naming the module
 */
export async function jobDataOf(training: Exclude<Training, ModelTraining>, run: RunRequest): Promise<JobData> {
  if ('module' in training) {
    const { module, ...settings } = training;
    const given = givenSettings(await taskOfModule(module), settings);
    return { kind: 'module', module, request: { ...run, data: '', given } };
  }
  if ('task' in training) {
    const { task: name, data, ...settings } = training;
    if (!taskNames.includes(name)) {
      throw new UsageError(`task: ${JSON.stringify(name)} is no application; give ${taskNames.join(', ')}`);
    }
    requireData(data);
    return { kind: 'task', task: name, request: { ...run, data, given: givenSettings(tasks[name], settings) } };
  }
  return { kind: 'language-model', request: languageModelRequestOf(training, run) };
}

/** @throws UsageError naming the setting that is unknown or out of range */
function givenSettings(
  task: Task,
  { optimizer, model, ...settings }: Omit<TaskTraining, 'task' | 'data'>,
): GivenSettings {
  const sizes = model && { model: givenSizes(model) };
  const given = { ...settings, ...sizes, optimizer: optimizerOf(optimizer) } as GivenSettings;
  settingsFromCode(settingsOf(task, given), {});
  return given;
}

function languageModelRequestOf(training: LanguageModelTraining, run: RunRequest) {
  const { data, preset: name = 'tiny', model = {}, optimizer, initFrom, ...settings } = training;
  requireData(data);
  if (!presetNames.includes(name)) {
    throw new UsageError(`preset: ${JSON.stringify(name)} is no preset; give ${presetNames.join(', ')}`);
  }
  const preset = presets[name];
  const given = defined({ ...settings, optimizer: optimizerOf(optimizer) });
  const sizes = defined(model);
  const config = parseTrainingConfig({ ...preset, ...given, model: presetModel(preset, sizes) });
  const fields = [...Object.keys(given), ...Object.keys(sizes).map((size) => `model.${size}`)];
  const explicit = Object.fromEntries(fields.map((field) => [field, field]));
  return { ...run, data, training: config, explicit, initFrom };
}

function optimizerOf(optimizer: Optimizer | undefined): OptimizerConfig | undefined {
  return typeof optimizer === 'string' ? optimizerNamed(optimizer) : optimizer;
}

function defined(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function requireData(data: unknown): void {
  if (typeof data === 'string' && data.trim() !== '') return;
  throw new UsageError('data: is missing; give a path, or the name of data that Unroll brings along');
}
