/** Starts training from another checkpoint's model: its tokenizer, its shape, its parameters. */
import { type LanguageModelConfig, parameterShapes } from '@unroll/core';
import { type Checkpoint, readCheckpoint } from '../../checkpoint/checkpoint.js';
import { parseTrainingConfig, type TrainingConfig } from '../../configuration/config.js';
import { option } from '../../configuration/option-names.js';
import { UsageError } from '../../errors.js';

/** Fields that have flags, but are decided by the other checkpoint. */
const decided = ['tokenizer', 'vocabulary'];

/**
 * Returns the configuration of a training that begins with `initial`. The model is that checkpoint's, except for fields
 * that flags set and that keep its shape, such as a dropout.
 * @param explicit fields of `training` that were given, with the flag that gave them
 * @throws UsageError naming a flag that the other checkpoint's parameters contradict
 */
export function trainingFrom(
  initial: Checkpoint,
  training: TrainingConfig,
  explicit: Readonly<Record<string, string>>,
): TrainingConfig {
  for (const path of decided) {
    if (explicit[path]) throw new UsageError(`${explicit[path]}: comes with ${option('initFrom')}; leave it out`);
  }
  const { vocabSize, ...model } = initial.config;
  const given = Object.keys(training.model).filter((field) => explicit[`model.${field}`]);
  const asked = Object.fromEntries(given.map((field) => [field, training.model[field as keyof typeof training.model]]));
  const merged = parseTrainingConfig({
    ...training,
    model: { ...model, ...asked },
    tokenizer: initial.tokenizer.kind,
  });
  const flags = given.map((field) => explicit[`model.${field}`]!);
  requireShapes(initial.config, { vocabSize, ...merged.model }, flags);
  return merged;
}

/**
 * Reads the checkpoint of `--init-from`, if one is given.
 * @throws UnrollError as {@link readCheckpoint}
 */
export function readInitialModel(folder: string | undefined): Promise<Checkpoint> | undefined {
  return folder === undefined ? undefined : readCheckpoint(folder);
}

function requireShapes(from: LanguageModelConfig, to: LanguageModelConfig, flags: readonly string[]): void {
  const [found, asked] = [parameterShapes(from), parameterShapes(to)];
  const names = [...new Set([...Object.keys(found), ...Object.keys(asked)])];
  const name = names.find((each) => found[each]?.join() !== asked[each]?.join());
  if (name === undefined) return;
  const shape = (dimensions: readonly number[] | undefined) => (dimensions ? `[${dimensions.join(', ')}]` : 'absent');
  throw new UsageError(
    `${option('initFrom')}: its '${name}' is ${shape(found[name])}, with ${flags.join(' ')} it would be ${shape(asked[name])}; ` +
      'leave out what changes the shape of the model',
  );
}
