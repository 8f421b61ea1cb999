/**
 * Reads ELMo as bilm-tf and AllenNLP publish it: a folder with `options.json`, which has the sizes, and the weights in
 * HDF5. Every option is followed or refused by name. The differences to ours: TensorFlow's LSTM orders its gates i, j, f,
 * o and adds 1 to the forget gate; the gate and the transform of a highway layer are separate matrices.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ElmoConfig, elmoConfig } from '@unroll/core';
import { z } from 'zod';
import type { Arrays } from '../checkpoint/arrays.js';
import { readTextFile } from '../data/text-file.js';
import type { ElmoCheckpoint } from '../elmo/elmo-checkpoint.js';
import { schemaFault, UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { H5File } from './h5-file.js';
import { requireShape } from './named-arrays.js';
import { readWholeFile } from './read-file.js';
import { fromTensorFlowGates } from './tensorflow-lstm.js';

/** Characters with ids of their own: 256 bytes, four marks and padding. Inference counts one more id, for masked words. */
const characters = 261;

const size = z.int().positive();
const limit = z.number().positive().nullish();

const optionsSchema = z.strictObject({
  lstm: z.strictObject({
    dim: size,
    projection_dim: size,
    n_layers: z.literal(2, { error: 'must be 2, the layers of ELMo here' }),
    use_skip_connections: z.literal(true, { error: 'must be true; an ELMo without them is not supported' }),
    cell_clip: limit,
    proj_clip: limit,
  }),
  char_cnn: z.strictObject({
    activation: z.literal('relu', { error: 'must be "relu"; other activations are not supported' }),
    embedding: z.strictObject({ dim: size }),
    filters: z.array(z.tuple([size, size])).nonempty(),
    n_highway: z.int().nonnegative(),
    n_characters: z.union([z.literal(characters), z.literal(characters + 1)], {
      error: `must be ${characters} or ${characters + 1}, bytes and marks`,
    }),
    max_characters_per_token: z.int().min(3),
  }),
  // The rest matters to training, and to the output layer, which the weights do not have.
  ...{ bidirectional: z.literal(true, { error: 'must be true' }).optional(), dropout: z.number().optional() },
  ...{ n_tokens_vocab: z.int().optional(), unroll_steps: z.int().optional(), batch_size: z.int().optional() },
  ...{ n_epochs: z.int().optional(), n_train_tokens: z.int().optional(), n_negative_samples_batch: z.int().optional() },
  ...{ all_clip_norm_val: z.number().optional(), learning_rate: z.number().optional() },
});

/**
 * Reads a model from its folder.
 * @throws UnrollError naming the option that is not followed, or the tensor that is missing or has another shape; the
 *   signal's reason when it aborts
 */
export async function readBilmModel(
  folder: string,
  signal: AbortSignal,
): Promise<ElmoCheckpoint & { readonly unread: readonly string[] }> {
  const optionsFile = theFile(folder, 'options.json');
  const weightsFile = theFile(folder, 'weights.hdf5');
  const config = configOf(optionsFile);
  const h5 = new H5File(await readWholeFile(weightsFile, signal), weightsFile);
  const read = (layer: string) => (name: string, shape: readonly number[]) =>
    requireShape({ file: weightsFile, name, layer }, h5.tensor(name, `tensor '${name}'`), shape);
  const parameters = { ...wordParameters(config, read), ...recurrentParameters(config, read) };
  return { config, parameters, unread: unreadGroups(h5) };
}

/** The file of the folder whose name ends so, as in `elmo_2x4096_512_2048cnn_2xhighway_options.json`. */
function theFile(folder: string, ending: string): string {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(ending));
  } catch (error) {
    throw new UnrollError(
      `${folder}: cannot be read as a folder: ${fileErrorReason(error)}; give the one with options.json and the weights`,
    );
  }
  if (names.length === 1) return join(folder, names[0]!);
  const found = names.length === 0 ? 'has no' : `has ${names.length} files`;
  throw new UnrollError(
    `${folder}: ${found} *${ending}; ELMo is one file options.json and one weights.hdf5, alone or after the same prefix`,
  );
}

function configOf(file: string): ElmoConfig {
  let options: unknown;
  try {
    options = JSON.parse(readTextFile(file));
  } catch (error) {
    if (error instanceof UnrollError) throw error;
    throw new UnrollError(`${file}: is not JSON (${(error as Error).message}); copy it again`);
  }
  const { data, error } = optionsSchema.safeParse(options);
  if (error)
    throw new UnrollError(
      `${file}: ${schemaFault(error, undefined, 'is an option that is not followed; the model may compute something else')}`,
    );
  const { lstm, char_cnn } = data;
  try {
    return elmoConfig({
      characters,
      maxCharacters: char_cnn.max_characters_per_token,
      characterDim: char_cnn.embedding.dim,
      convolutions: char_cnn.filters.map(([width, features]) => ({ width, features })),
      highwayLayers: char_cnn.n_highway,
      hiddenDim: lstm.dim,
      projectionDim: lstm.projection_dim,
      ...(lstm.cell_clip != null && { cellClip: lstm.cell_clip }),
      ...(lstm.proj_clip != null && { projectionClip: lstm.proj_clip }),
    });
  } catch (error) {
    throw new UnrollError(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

type Read = (layer: string) => (name: string, shape: readonly number[]) => Float32Array;

function wordParameters(config: ElmoConfig, read: Read): Arrays {
  const { characterDim, convolutions, highwayLayers, projectionDim } = config;
  const wide = convolutions.reduce((sum, { features }) => sum + features, 0);
  const parameters: Arrays = {
    'characters.embeddings': read('the characters')('char_embed', [characters, characterDim]),
  };
  for (const [k, { width, features }] of convolutions.entries()) {
    const tensor = read(`convolution ${k}`);
    parameters[`convolution.${k}.kernel`] = tensor(`CNN/W_cnn_${k}`, [1, width, characterDim, features]);
    parameters[`convolution.${k}.bias`] = tensor(`CNN/b_cnn_${k}`, [features]);
  }
  for (let k = 0; k < highwayLayers; k++) {
    const tensor = (name: string, shape: readonly number[]) =>
      read(`highway layer ${k}`)(`CNN_high_${k}/${name}`, shape);
    const matrix = [wide, wide];
    parameters[`highway.${k}.kernel`] = besides(tensor('W_transform', matrix), tensor('W_carry', matrix), wide);
    parameters[`highway.${k}.bias`] = besides(tensor('b_transform', [wide]), tensor('b_carry', [wide]), 1);
  }
  parameters['projection.kernel'] = read('the projection')('CNN_proj/W_proj', [wide, projectionDim]);
  parameters['projection.bias'] = read('the projection')('CNN_proj/b_proj', [projectionDim]);
  return parameters;
}

function recurrentParameters({ hiddenDim, projectionDim }: ElmoConfig, read: Read): Arrays {
  const parameters: Arrays = {};
  for (const [direction, group] of Object.entries({ forward: 'RNN_0', backward: 'RNN_1' })) {
    for (const layer of [0, 1]) {
      const tensor = (name: string, shape: readonly number[]) =>
        read(`the ${direction} layer ${layer}`)(`${group}/RNN/MultiRNNCell/Cell${layer}/LSTMCell/${name}`, shape);
      const weights = fromTensorFlowGates({
        kernel: tensor('W_0', [2 * projectionDim, 4 * hiddenDim]),
        bias: tensor('B', [4 * hiddenDim]),
        inputDim: projectionDim,
      });
      for (const [name, values] of Object.entries(weights)) parameters[`${direction}.${layer}.${name}`] = values;
      parameters[`${direction}.${layer}.projection`] = tensor('W_P_0', [hiddenDim, projectionDim]);
    }
  }
  return parameters;
}

/** Two matrices of as many rows, side by side. */
function besides(left: Float32Array, right: Float32Array, rows: number): Float32Array {
  const [a, b] = [left.length / rows, right.length / rows];
  const joined = new Float32Array(left.length + right.length);
  for (let row = 0; row < rows; row++) {
    joined.set(left.subarray(row * a, (row + 1) * a), row * (a + b));
    joined.set(right.subarray(row * b, (row + 1) * b), row * (a + b) + a);
  }
  return joined;
}

/** Groups of the file that are not ELMo's encoder, such as the output layer. */
function unreadGroups(h5: H5File): string[] {
  return h5.keys('').filter((name) => !/^(char_embed|CNN|CNN_high_\d+|CNN_proj|RNN_[01])$/.test(name));
}
