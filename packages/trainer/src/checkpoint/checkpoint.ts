/**
 * A checkpoint is a folder. `config.json`, `model.safetensors` and `tokenizer.json` are the model.
 * `training-state.json` and `optimizer.safetensors` (optimizer slots and recurrent state) are for resuming its
 * training. `checksums.json` guards them all.
 */
import { type LanguageModelConfig, languageModelConfig, parameterShapes, stateShapes } from '@unroll/core';
import { loadTokenizer, type Tokenizer } from '@unroll/core/text';
import { z } from 'zod';
import { trainingConfigSchema } from '../configuration/config.js';
import { optimizerShapes } from '../configuration/optimizer-shapes.js';
import { textFingerprintSchema } from '../data/text-fingerprint.js';
import { schemaFault, UnrollError } from '../errors.js';
import { type FileContents, type FolderContents, inspectFolder } from '../files/result-folder.js';
import { type Arrays, jsonFile, withoutShapes, withPrefix, withShapes } from './arrays.js';
import { readChecksummedFolder, replaceChecksummedFolder } from './checksums.js';
import { decodeSafetensors, encodeSafetensors, type NamedArray } from './safetensors.js';

export interface Checkpoint {
  readonly config: LanguageModelConfig;
  readonly parameters: Arrays;
  readonly tokenizer: Tokenizer;
}

const trainingStateSchema = z.object({
  training: trainingConfigSchema,
  /** Number of updates made so far. */
  step: z.int().nonnegative(),
  /** Number of training tokens seen so far. */
  tokens: z.int().nonnegative(),
  trainPerplexity: z.number().nullable(),
  validPerplexity: z.number().nullable(),
  /** Validation perplexity after each whole epoch; the plateau schedule and the trigger of NT-ASGD depend on it. */
  validation: z.array(z.number()).default([]),
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

/** Examines `folder`, to which a checkpoint may be written. */
export function inspectCheckpoint(folder: string): Promise<FolderContents> {
  return inspectFolder(folder, ['training-state.json', 'optimizer.safetensors', ...modelFiles, 'checksums.json']);
}

const recurrentPrefix = 'recurrent/';

/** Returns false where nothing was replaced, because that was no longer due when all was written. */
export async function writeCheckpoint(
  folder: string,
  checkpoint: ResumableCheckpoint,
  isDue: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  const { config, parameters, tokenizer, state, slots, recurrent } = checkpoint;
  const shapes = parameterShapes(config);
  const optimizer = {
    ...withShapes(optimizerShapes(state.training, shapes), slots),
    ...(recurrent
      ? withPrefix(recurrentPrefix, withShapes(stateShapes(config, state.training.batchSize), recurrent))
      : {}),
  };
  const files = {
    ...encodeModel({ config, parameters, tokenizer }),
    'training-state.json': jsonFile(state),
    'optimizer.safetensors': encodeSafetensors(optimizer),
  };
  return replaceChecksummedFolder(folder, files, { isDue });
}

/** Reads how far the training of a checkpoint has come. @throws UnrollError as {@link readResumableCheckpoint} */
export async function readTrainingState(folder: string): Promise<TrainingState> {
  const files = await readChecksummedFolder(folder, ['training-state.json']);
  return parse(folder, files, 'training-state.json', parseTrainingState);
}

/**
 * Writes a model that was not trained here. The result is a checkpoint without training state: it can do everything
 * except resume training.
 */
export async function writeModel(folder: string, model: Checkpoint): Promise<void> {
  await replaceChecksummedFolder(folder, encodeModel(model));
}

/** Examines `folder`, to which {@link writeModel} may write. A checkpoint that can be resumed counts as foreign. */
export function inspectModel(folder: string): Promise<FolderContents> {
  return inspectFolder(folder, [...modelFiles, 'checksums.json']);
}

/**
 * Reads a checkpoint's model.
 * @throws UnrollError naming the file that is missing, altered or does not fit the others
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  return parseModel(folder, await readChecksummedFolder(folder, modelFiles));
}

/**
 * Reads a checkpoint with its training state.
 * @throws UnrollError naming the file that is missing, altered or does not fit the others
 */
export async function readResumableCheckpoint(folder: string): Promise<ResumableCheckpoint> {
  const files = await readChecksummedFolder(folder, [...modelFiles, 'training-state.json', 'optimizer.safetensors']);
  const model = parseModel(folder, files);
  const state = parse(folder, files, 'training-state.json', parseTrainingState);
  const optimizer = decodeSafetensors(files['optimizer.safetensors']!, `${folder}/optimizer.safetensors`);
  const isRecurrent = (name: string) => name.startsWith(recurrentPrefix);
  const recurrent = Object.entries(optimizer).filter(([name]) => isRecurrent(name));
  return {
    ...model,
    state,
    slots: values(Object.entries(optimizer).filter(([name]) => !isRecurrent(name))),
    recurrent:
      recurrent.length > 0
        ? values(recurrent.map(([name, array]) => [name.slice(recurrentPrefix.length), array]))
        : undefined,
  };
}

const modelFiles = ['config.json', 'model.safetensors', 'tokenizer.json'];

function encodeModel({ config, parameters, tokenizer }: Checkpoint): Record<string, FileContents> {
  return {
    'config.json': jsonFile({ model_type: 'unroll-language-model', ...config }),
    'model.safetensors': encodeSafetensors(withShapes(parameterShapes(config), parameters)),
    'tokenizer.json': jsonFile(tokenizer.toJSON()),
  };
}

function parseModel(folder: string, files: Readonly<Record<string, Buffer>>): Checkpoint {
  const config = parse(folder, files, 'config.json', (json) =>
    languageModelConfig(modelFields(json as LanguageModelConfig)),
  );
  const file = `${folder}/model.safetensors`;
  const parameters = withoutShapes(file, parameterShapes(config), decodeSafetensors(files['model.safetensors']!, file));
  const tokenizer = parse(folder, files, 'tokenizer.json', loadTokenizer);
  if (tokenizer.vocabSize !== config.vocabSize) {
    throw new UnrollError(
      `${folder}/tokenizer.json: its vocabulary has ${tokenizer.vocabSize} tokens, the model's ${config.vocabSize}; it belongs to another model`,
    );
  }
  return { config, parameters, tokenizer };
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

/** Reads a JSON file with a parser whose errors say what is wrong, but not where; adds the file's name. */
function parse<Value>(
  folder: string,
  files: Readonly<Record<string, Buffer>>,
  name: string,
  parser: (json: unknown) => Value,
): Value {
  try {
    return parser(JSON.parse(files[name]!.toString()));
  } catch (error) {
    const reason = (error as Error).message.replace(`${name}: `, '');
    throw new UnrollError(`${folder}/${name}: ${reason}; was it edited, or does it belong to another model?`, {
      cause: error,
    });
  }
}

function values(entries: readonly (readonly [string, NamedArray])[]): Arrays {
  return Object.fromEntries(entries.map(([name, array]) => [name, array.values]));
}
