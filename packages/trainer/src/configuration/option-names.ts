/**
 * The names of options in messages, as the caller knows them: `--batch-size` on the command line, `batchSize` in code.
 * Every message that names an option takes the name from here.
 */
import { currentListener } from '../terminal/listener.js';
import { flagNamed, flagOf, type HyperparameterName, hyperparameters, pathOf } from './hyperparameters.js';

/** Options that are no hyperparameters: those of a run, of an evaluation, of a bundle and so on. */
type OtherName =
  | ('backupWorkers' | 'bundle' | 'cache' | 'changedData' | 'checkpoint' | 'dashboard' | 'data' | 'dynamic' | 'engine')
  | ('from' | 'ids' | 'initFrom' | 'insecurePublic' | 'ledger' | 'mapping' | 'maxRestarts' | 'minWorkers' | 'out')
  | ('overwrite' | 'personalization' | 'preset' | 'prompt' | 'quantization' | 'resume' | 'servers' | 'task')
  | ('target' | 'tensorboard' | 'text' | 'vocab' | 'workers');

export type OptionName = HyperparameterName | OtherName;

/** The variable by which processes that code has started know that a program reads their messages. */
export const inCodeVariable = 'UNROLL_IN_CODE';

/** Whether a program, not the command, has called the work that is being done. */
export function isInCode(): boolean {
  return currentListener() !== undefined || process.env[inCodeVariable] !== undefined;
}

/** Returns the name of an option: a flag, or the path in the options of code, such as `model.hiddenDim`. */
export function option(name: OptionName): string {
  if (!isInCode()) return flagNamed(name);
  return name in hyperparameters ? pathOf(name as HyperparameterName) : name;
}

/** Returns the name of a size of an application's model. */
export function sizeOption(size: string): string {
  return isInCode() ? `model.${size}` : flagNamed(size);
}

/** Returns the name of a setting by its path in a configuration. */
export function settingOption(path: string): string {
  return isInCode() ? path : flagOf(path);
}
