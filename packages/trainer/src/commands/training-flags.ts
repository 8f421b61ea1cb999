/** The flags that say what to train, shared by `train`, `launch` and `worker`. */

import type { Precision } from '@unroll/core';
import {
  defaultOptimizer,
  type LanguageModelCell,
  languageModelCells,
  type OptimizerName,
  optimizerNames,
  type SoftmaxConfig,
} from '@unroll/core/config';
import { type Command, Option } from 'commander';
import { flagsOfFields } from '../configuration/field-flags.js';
import { defaultLocalSteps, defaultStaleness, modeNames } from '../configuration/modes.js';
import type { GradientCodecConfig, Mode, Schedule } from '../configuration/schemas.js';
import type { EngineName } from '../engines/engine-names.js';
import { UsageError } from '../errors.js';
import type { LogFormat } from '../terminal/log.js';
import { gradientCodecUsage, parseGradientCodec } from '../training/gradient-codec.js';
import type { LanguageModelRequest } from '../training/language-model/preparation.js';
import { type PresetName, presetNames, presets } from '../training/language-model/presets.js';
import { parseSoftmax, softmaxUsage } from '../training/language-model/softmax.js';
import { defaultSchedule, scheduleNames } from '../training/schedule.js';
import {
  engineOption,
  jsonOption,
  logFormatOption,
  nonNegativeInteger,
  numberBetween,
  positiveInteger,
  positiveNumber,
  threadsOption,
} from './options.js';

export interface TrainingFlags {
  data?: string;
  out: string;
  preset: PresetName;
  cell?: LanguageModelCell;
  layers?: number;
  embedding?: number;
  hidden?: number;
  projection?: number;
  dropout?: number;
  variationalDropout?: boolean;
  embeddingDropout?: number;
  weightDropout?: number;
  labelSmoothing?: number;
  tieWeights?: boolean;
  tokenizer?: 'word' | 'char' | 'bpe';
  vocabulary?: number;
  batchSize?: number;
  sequenceLength?: number;
  optimizer?: OptimizerName;
  learningRate?: number;
  schedule?: Schedule['name'];
  warmupSteps?: number;
  accumulate?: number;
  recomputeEvery?: number;
  clipNorm?: number;
  precision?: Precision;
  mode?: Mode['name'];
  softmax?: SoftmaxConfig | 'full';
  tables?: 'whole' | 'rows';
  staleness?: number;
  localSteps?: number;
  gradientCodec?: GradientCodecConfig;
  epochs?: number;
  maxSteps?: number;
  seed?: number;
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
  return command
    .option('--data <path>', "a folder of train/valid/test texts, one text file, or 'grammar' for the embedded corpus")
    .requiredOption('--out <dir>', 'where the checkpoint goes')
    .addOption(
      new Option('--preset <name>', 'where the other flags’ defaults come from').choices(presetNames).default('tiny'),
    )
    .addOption(new Option('--cell <type>', 'recurrent cell').choices(languageModelCells))
    .option('--layers <n>', 'recurrent layers', positiveInteger)
    .option('--embedding <n>', 'width of the embedding', positiveInteger)
    .option('--hidden <n>', 'units of a recurrent layer', positiveInteger)
    .option('--projection <n>', 'width to which an lstm or cifg projects its output (default: none)', positiveInteger)
    .option('--dropout <p>', 'probability of dropping a non-recurrent unit', numberBetween(0, 1))
    .option('--variational-dropout', 'drop the same units at all steps of a sequence')
    .option(
      '--embedding-dropout <p>',
      'probability of dropping a word of a batch, wherever it occurs',
      numberBetween(0, 1),
    )
    .option('--weight-dropout <p>', 'probability of dropping a recurrent weight for a batch', numberBetween(0, 1))
    .option('--label-smoothing <p>', 'part of a target’s probability that goes to all words alike', numberBetween(0, 1))
    .option('--tie-weights', 'use the embedding as output layer')
    .addOption(new Option('--tokenizer <kind>', 'what a token is').choices(['word', 'char', 'bpe']))
    .option(
      '--vocabulary <n>',
      'most tokens to know, the most frequent ones (default: all words, 8192 of bpe)',
      positiveInteger,
    )
    .option('--batch-size <n>', 'sequences of a step, over all workers', positiveInteger)
    .option('--sequence-length <n>', 'steps of truncated back-propagation through time', positiveInteger)
    .addOption(new Option('--optimizer <name>', 'update rule').choices(optimizerNames))
    .option('--learning-rate <x>', 'initial learning rate', positiveNumber)
    .addOption(
      new Option('--schedule <name>', 'how the learning rate falls; docs/training.md describes them').choices(
        scheduleNames,
      ),
    )
    .option('--warmup-steps <n>', 'steps in which the learning rate grows linearly at first', nonNegativeInteger)
    .option(
      '--recompute-every <n>',
      'steps of which activations are kept at once, to be computed again, in less memory (default: all)',
      positiveInteger,
    )
    .option('--accumulate <n>', 'parts of a batch that are computed one after another, in less memory', positiveInteger)
    .option('--clip-norm <x>', 'largest global norm of the gradient', positiveNumber)
    .addOption(
      new Option(
        '--precision <kind>',
        'float32, or mixed: float16 where it is safe, for GPUs; one process only',
      ).choices(['float32', 'mixed']),
    )
    .addOption(
      new Option(
        '--mode <name>',
        'how workers share the training (default: sync); docs/distributed.md compares',
      ).choices(modeNames),
    )
    .option(
      '--staleness <n>',
      `steps that a worker may be ahead of the slowest, with --mode ssp (default: ${defaultStaleness})`,
      nonNegativeInteger,
    )
    .option(
      '--local-steps <n>',
      `batches that a worker trains on by itself between updates, with --mode local (default: ${defaultLocalSteps})`,
      positiveInteger,
    )
    .option(
      '--gradient-codec <name>',
      `how workers send gradients: ${gradientCodecUsage}; docs/distributed.md compares`,
      parseGradientCodec,
    )
    .option(
      '--softmax <kind>',
      `which words a training step scores: ${softmaxUsage}`,
      (text) => parseSoftmax(text) ?? 'full',
    )
    .addOption(
      new Option(
        '--tables <part>',
        'what workers of parameter servers hold of the embedding and the output layer: whole (the default), or the rows of ' +
          'their batch, with --softmax sampled',
      ).choices(['whole', 'rows']),
    )
    .option('--epochs <n>', 'passes over the training text', positiveInteger)
    .option('--max-steps <n>', 'stop after so many steps', positiveInteger)
    .option('--seed <n>', 'seed of initialisation and dropout', nonNegativeInteger)
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
  const given = Object.entries(flagsOfFields).filter(([, flag]) => flags[propertyOf(flag)] !== undefined);
  const config: Record<string, unknown> & { model: Record<string, unknown> } = structuredClone({
    ...presets[flags.preset],
    model: { ...presets[flags.preset].model },
  });
  for (const [path, flag] of given) {
    const value = flags[propertyOf(flag)];
    if (path.startsWith('model.')) config.model[path.slice('model.'.length)] = value;
    else config[path] = value;
  }
  if (flags.softmax === 'full') config.model.softmax = undefined;
  if (flags.optimizer) config.optimizer = defaultOptimizer(flags.optimizer);
  if (flags.schedule && flags.schedule !== presets[flags.preset].schedule.name) {
    config.schedule = defaultSchedule(flags.schedule);
  }
  const mode = modeOf(flags);
  if (mode) config.mode = mode;
  const { parseTrainingConfig } = await import('../configuration/config.js');
  return {
    data: flags.data!,
    out: flags.out,
    training: parseTrainingConfig(config),
    explicit: {
      ...Object.fromEntries(given),
      ...(flags.optimizer ? { optimizer: '--optimizer' } : {}),
      ...(flags.schedule ? { schedule: '--schedule' } : {}),
      ...(mode ? { mode: '--mode' } : {}),
    },
    engine: flags.engine,
    threads: flags.threads ?? 0,
    initFrom: flags.initFrom,
    resume: flags.resume ?? false,
    changedData: flags.changedData ?? false,
    overwrite: flags.overwrite ?? false,
  };
}

/** @throws UsageError if the flags contradict each other */
export function modeOf({ mode, staleness, localSteps }: TrainingFlags): Mode | undefined {
  if (staleness !== undefined && mode !== 'ssp') throw new UsageError('--staleness: is for --mode ssp; give that too');
  if (localSteps !== undefined && mode !== 'local') {
    throw new UsageError('--local-steps: is for --mode local; give that too');
  }
  if (mode === 'ssp') return { name: mode, staleness: staleness ?? defaultStaleness };
  if (mode === 'local') return { name: mode, localSteps: localSteps ?? defaultLocalSteps };
  return mode && { name: mode };
}

/** Returns the property of the parsed flags that holds the flag's value. */
function propertyOf(flag: string): keyof TrainingFlags {
  return flag.slice(2).replace(/-./g, (letter) => letter[1]!.toUpperCase()) as keyof TrainingFlags;
}
