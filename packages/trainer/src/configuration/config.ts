/** The configuration of a training run: validated once, here, and stored in its checkpoints. */
import { type LanguageModelConfig, languageModelConfig, SettingError } from '@unroll/core/config';
import { z } from 'zod';
import { schemaFault, UsageError } from '../errors.js';
import { schemasOf } from './hyperparameters.js';
import { option, settingOption } from './option-names.js';
import { recipeFields } from './recipe.js';

export const trainingConfigSchema = z.strictObject({
  /** The model without its vocabulary size, which the tokenizer decides. */
  model: z.strictObject(schemasOf(z, 'model')),
  ...schemasOf(z, 'tokens'),
  ...recipeFields,
  ...schemasOf(z, 'sequences'),
});

export type TrainingConfig = z.infer<typeof trainingConfigSchema>;

/**
 * Parses and checks a configuration.
 * @throws UsageError naming the flag that is wrong
 */
export function parseTrainingConfig(input: unknown): TrainingConfig {
  const result = trainingConfigSchema.safeParse(input);
  if (!result.success) throw new UsageError(schemaFault(result.error, settingOption));
  requireAccumulable(result.data);
  requireRecomputable(result.data);
  requireFloat32(result.data);
  checkedModel(result.data, Number.MAX_SAFE_INTEGER); // valid for any vocabulary
  return result.data;
}

/**
 * Returns the configuration's model for a vocabulary of this size.
 * @throws UsageError naming the flag that is out of range or contradicts another
 */
export function checkedModel({ model }: Pick<TrainingConfig, 'model'>, vocabSize: number): LanguageModelConfig {
  try {
    return languageModelConfig({ vocabSize, ...model });
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new UsageError(error.messageWith((setting) => settingOption(`model.${setting}`)));
  }
}

function requireAccumulable({ accumulate, batchSize, precision }: TrainingConfig): void {
  if (batchSize % accumulate !== 0) {
    throw new UsageError(
      `${option('accumulate')}: ${batchSize} sequences cannot be divided into ${accumulate} equal parts`,
    );
  }
  if (accumulate > 1 && precision === 'mixed') {
    throw new UsageError(`${option('accumulate')}: is for ${option('precision')} float32; leave one of them out`);
  }
}

function requireFloat32({ precision, model }: TrainingConfig): void {
  if (precision !== 'mixed' || model.cell !== 'rwkv7') return;
  throw new UsageError(`${option('precision')}: mixed is not for rwkv7, whose states need float32; leave it out`);
}

function requireRecomputable({ recomputeEvery, model }: TrainingConfig): void {
  if (recomputeEvery === undefined || model.softmax?.name !== 'adaptive') return;
  throw new UsageError(`${option('recomputeEvery')}: is not for ${option('softmax')} adaptive; leave one of them out`);
}
