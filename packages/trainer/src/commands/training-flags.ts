/** The flags that say what to train, shared by `train`, `launch` and `worker`. */

import { type Command, Option } from 'commander';
import { flagNamed, type HyperparameterFlags, pathOf } from '../configuration/hyperparameters.js';
import type { EngineName } from '../engines/engine-names.js';
import type { LogFormat } from '../terminal/log.js';
import type { LanguageModelRequest } from '../training/language-model/preparation.js';
import { type PresetName, presetModel, presetNames, presets } from '../training/language-model/presets.js';
import { addHyperparameterFlags, givenHyperparameters } from './hyperparameter-flags.js';
import { engineOption, jsonOption, logFormatOption, threadsOption } from './options.js';

export interface TrainingFlags extends HyperparameterFlags {
  data?: string;
  out: string;
  preset: PresetName;
  engine: EngineName;
  threads?: number;
  initFrom?: string;
  resume?: boolean;
  changedData?: boolean;
  overwrite?: boolean;
  json?: boolean;
  logFormat?: LogFormat;
}

export function addTrainingFlags(command: Command): Command {
  command
    .option('--data <path>', "a folder of train/valid/test texts, one text file, or 'grammar' for the embedded corpus")
    .requiredOption('--out <dir>', 'where the checkpoint goes')
    .addOption(
      new Option('--preset <name>', 'where the other flags’ defaults come from').choices(presetNames).default('tiny'),
    );
  return addHyperparameterFlags(command, { forApplications: false })
    .addOption(engineOption())
    .addOption(threadsOption())
    .option('--init-from <dir>', 'begin with the model of this checkpoint, trained here or imported')
    .option('--resume', 'go on from the checkpoint in --out, if there is one')
    .option('--changed-data', 'with --resume: go on although the texts are others than those of the checkpoint')
    .addOption(new Option('--overwrite', 'replace the checkpoint in --out').conflicts('resume'))
    .addOption(jsonOption())
    .addOption(logFormatOption());
}

/** @throws UsageError if the flags contradict each other */
export async function languageModelRequest(flags: TrainingFlags): Promise<LanguageModelRequest> {
  const preset = presets[flags.preset];
  const config: Record<string, unknown> = structuredClone({ ...preset });
  const model: Record<string, unknown> = {};
  const explicit: Record<string, string> = {};
  for (const [name, entry, value] of givenHyperparameters(flags)) {
    (entry.part === 'model' ? model : config)[name] = value;
    explicit[pathOf(name)] = flagNamed(name);
  }
  // A schedule that the preset has, too, keeps the preset's details.
  if (flags.schedule?.name === preset.schedule.name) config.schedule = preset.schedule;
  config.model = presetModel(preset, model);
  const { parseTrainingConfig } = await import('../configuration/config.js');
  return {
    data: flags.data!,
    out: flags.out,
    training: parseTrainingConfig(config),
    explicit,
    engine: flags.engine,
    threads: flags.threads ?? 0,
    initFrom: flags.initFrom,
    resume: flags.resume ?? false,
    changedData: flags.changedData ?? false,
    overwrite: flags.overwrite ?? false,
  };
}
