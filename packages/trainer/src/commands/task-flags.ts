/** The flags that say what application's model to train, and the request they make; they share some with language models. */
import { type Command, Option } from 'commander';
import { flagNamed, type Hyperparameter, hyperparameters } from '../configuration/hyperparameters.js';
import { UsageError } from '../errors.js';
import type { Task } from '../tasks/task.js';
import type { TaskRequest } from '../tasks/task-job.js';
import { type TaskName, taskNames } from '../tasks/task-names.js';
import { addHyperparameterFlags, givenHyperparameters } from './hyperparameter-flags.js';
import type { TrainingFlags } from './training-flags.js';

export interface TaskFlags {
  task?: TaskName;
}

/** Flags beside the hyperparameters that only language models have. */
const languageModelFlags: readonly (keyof TrainingFlags)[] = ['preset', 'initFrom'];

export function addTaskFlags(command: Command): Command {
  const help = 'train the model of an application instead; docs/applications.md says how each reads its data';
  command.addOption(new Option('--task <name>', help).choices(taskNames));
  return addHyperparameterFlags(command, { forApplications: true });
}

/** @throws UsageError if a flag was given that only an application's model has */
export function refuseTaskFlags(flags: TrainingFlags): void {
  const foreign = givenHyperparameters(flags).find(([, { part }]) => part === 'application');
  if (foreign) throw new UsageError(`${flagNamed(foreign[0])}: is for --task; leave it out`);
}

/** @throws UsageError if a flag was given that only language models have */
export function taskRequest(command: Command, flags: TrainingFlags & TaskFlags, task: Task): TaskRequest {
  const how = flags.task === undefined ? '--module' : `--task ${flags.task}`;
  const foreign = command.options.find((option) => isGiven(command, option) && isForLanguageModels(option));
  if (foreign) throw new UsageError(`${foreign.long}: is for language models; leave it out with ${how}`);
  const given = givenHyperparameters(flags);
  return {
    task,
    data: flags.data ?? '',
    out: flags.out,
    given: {
      ...Object.fromEntries(given.filter(([, { isSize }]) => !isSize).map(([name, , value]) => [name, value])),
      model: Object.fromEntries(
        given.filter(([, { isSize }]) => isSize).map(([name, , value]) => [name, value as number]),
      ),
    },
    engine: flags.engine,
    threads: flags.threads ?? 0,
    resume: flags.resume ?? false,
    overwrite: flags.overwrite ?? false,
    changedData: flags.changedData ?? false,
  };
}

function isGiven(command: Command, option: Option): boolean {
  return command.getOptionValueSource(option.attributeName()) === 'cli';
}

function isForLanguageModels(option: Option): boolean {
  const name = option.attributeName();
  const entry = (hyperparameters as Readonly<Record<string, Hyperparameter>>)[name];
  if (!entry) return (languageModelFlags as readonly string[]).includes(name);
  return !entry.isSize && (entry.isForText || !['recipe', 'mode'].includes(entry.part));
}
