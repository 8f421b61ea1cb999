/** Checkpoints of language models; `checkpoint-files.ts` describes the files. */
import { type LanguageModelConfig, languageModelConfig, parameterShapes, stateShapes } from '@unroll/core';
import { loadTokenizer, type Tokenizer } from '@unroll/core/text';
import { z } from 'zod';
import { trainingConfigSchema } from '../configuration/config.js';
import { optimizerShapes } from '../configuration/optimizer-shapes.js';
import { textFingerprintSchema } from '../data/text-fingerprint.js';
import { schemaFault, UnrollError } from '../errors.js';
import type { Arrays } from './arrays.js';
import { CheckpointFiles, type ModelContents, writeCheckpointFiles } from './checkpoint-files.js';

export interface Checkpoint {
  readonly config: LanguageModelConfig;
  readonly parameters: Arrays;
  readonly tokenizer: Tokenizer;
}

/** The validation metric at every evaluation so far; `step` is the number of updates. */
export const evaluationsSchema = z.array(z.object({ step: z.int().nonnegative(), value: z.number() }));

const trainingStateSchema = z.object({
  training: trainingConfigSchema,
  /** Number of updates made so far. */
  step: z.int().nonnegative(),
  /** Number of training tokens seen so far. */
  tokens: z.int().nonnegative(),
  trainPerplexity: z.number().nullable(),
  /** The last one measured, perhaps some steps before. */
  validPerplexity: z.number().nullable(),
  /** Validation perplexity after each whole epoch; the plateau schedule and the trigger of NT-ASGD depend on it. */
  validation: z.array(z.number()).default([]),
  /** Validation perplexity at every evaluation; absent in older checkpoints. */
  evaluations: evaluationsSchema.optional(),
  /** Fingerprints of the texts for training and validation. */
  texts: z.object({ train: textFingerprintSchema, valid: textFingerprintSchema }).optional(),
});

export type TrainingState = z.infer<typeof trainingStateSchema>;

/** A checkpoint from which training can resume. */
export interface ResumableCheckpoint extends Checkpoint {
  readonly state: TrainingState;
  readonly slots: Arrays;
  /** Recurrent state of the lanes; absent at the start of an epoch, where it is zero. */
  readonly recurrent: Arrays | undefined;
}

export const languageModelKind = 'language-model';

/** Returns false where nothing was replaced, because that was no longer due when all was written. */
export function writeCheckpoint(
  folder: string,
  checkpoint: ResumableCheckpoint,
  isDue?: () => Promise<boolean>,
): Promise<boolean> {
  const { config, state, slots, recurrent } = checkpoint;
  const training = {
    state,
    slots: { shapes: optimizerShapes(state.training, parameterShapes(config)), arrays: slots },
    carried: {
      recurrent: recurrent && { shapes: stateShapes(config, state.training.batchSize), arrays: recurrent },
    },
  };
  return writeCheckpointFiles(folder, contentsOf(checkpoint), training, isDue);
}

/** Reads how far the training of a checkpoint has come. @throws UnrollError as {@link readResumableCheckpoint} */
export async function readTrainingState(folder: string): Promise<TrainingState> {
  const files = await CheckpointFiles.readOnly(folder, 'training-state.json');
  return files.json('training-state.json', parseTrainingState);
}

/**
 * Writes a model that was not trained here. The result is a checkpoint without training state: it can do everything
 * except resume training.
 */
export async function writeModel(folder: string, model: Checkpoint): Promise<void> {
  await writeCheckpointFiles(folder, contentsOf(model));
}

/**
 * Reads a checkpoint's model.
 * @throws UnrollError naming the file that is missing, altered or does not fit the others
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  await requireLanguageModel(folder);
  return modelIn(folder, await CheckpointFiles.read(folder, { tokenizer: true }));
}

/**
 * Reads a checkpoint with its training state.
 * @throws UnrollError naming the file that is missing, altered or does not fit the others
 */
export async function readResumableCheckpoint(folder: string): Promise<ResumableCheckpoint> {
  await requireLanguageModel(folder);
  const files = await CheckpointFiles.read(folder, { tokenizer: true, training: true });
  const model = modelIn(folder, files);
  const state = files.json('training-state.json', parseTrainingState);
  return {
    ...model,
    state,
    slots: files.slots(optimizerShapes(state.training, parameterShapes(model.config))),
    recurrent: files.recurrent(stateShapes(model.config, state.training.batchSize)),
  };
}

/** @throws UnrollError if the checkpoint is that of another kind of model */
async function requireLanguageModel(folder: string): Promise<void> {
  const found = (await CheckpointFiles.readOnly(folder, 'config.json')).model();
  if (found.kind === undefined || found.kind === languageModelKind) return;
  throw new UnrollError(`${folder}: is a checkpoint of '${found.kind}', not of a language model; name another`);
}

function contentsOf({ config, parameters, tokenizer }: Checkpoint): ModelContents {
  return {
    ...{ kind: languageModelKind, config, tokenizer: tokenizer.toJSON() as object },
    parameters: { shapes: parameterShapes(config), arrays: parameters },
  };
}

function modelIn(folder: string, files: CheckpointFiles): Checkpoint {
  const config = files.json('config.json', (json) => languageModelConfig(modelFields(json as LanguageModelConfig)));
  const parameters = files.parameters(parameterShapes(config));
  const tokenizer = files.json('tokenizer.json', loadTokenizer);
  if (tokenizer.vocabSize === config.vocabSize) return { config, parameters, tokenizer };
  throw new UnrollError(
    `${folder}/tokenizer.json: its vocabulary has ${tokenizer.vocabSize} tokens, the model's ${config.vocabSize}; it belongs to another model`,
  );
}

/** Returns the fields of config.json that describe the model. */
function modelFields({ model_type: _, ...fields }: LanguageModelConfig & { model_type?: string }): LanguageModelConfig {
  return fields;
}

function parseTrainingState(json: unknown): TrainingState {
  const { success, data, error } = trainingStateSchema.safeParse(json);
  if (success) return data;
  throw new Error(schemaFault(error));
}
