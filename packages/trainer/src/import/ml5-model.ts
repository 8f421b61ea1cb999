/**
 * Reads a model of ml5.js's charRNN: a folder with `manifest.json` (names, files and shapes), one file of little-endian
 * float32 for each tensor, and `vocab.json` (ids by character). The network is TensorFlow's `MultiRNNCell` of
 * `BasicLSTMCell`s. TensorFlow 1.0 called a cell's tensors `weights` and `biases`, later versions `kernel` and `bias`.
 */
import { basename, join } from 'node:path';
import { languageModelConfig } from '@unroll/core';
import { elementCount } from '@unroll/core/onnx';
import { loadTokenizer, type Tokenizer } from '@unroll/core/text';
import { z } from 'zod';
import type { Arrays } from '../checkpoint/arrays.js';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { schemaFault, UnrollError } from '../errors.js';
import type { ImportedModel } from './imported-model.js';
import { requireShape, shapeText } from './named-arrays.js';
import { readWholeFile } from './read-file.js';
import { fromTensorFlowGates } from './tensorflow-lstm.js';

const manifestSchema = z.record(
  z.string(),
  z.object({
    filename: z.string().refine((name) => name === basename(name), 'must name a file beside it'),
    shape: z.array(z.int().nonnegative()),
  }),
);

/** Tensors without meaning for the model: the step that training had reached. */
const counters = /^(Variable|global_step)$/;

/**
 * The score of a token that the model does not have: its probability is e⁻³⁰ of the likeliest one's order, so that no text's
 * probability changes in float32, and training can still raise it.
 */
const unlikely = -30;

/**
 * Reads a model and its vocabulary.
 * @throws UnrollError naming the tensor that is missing or has another shape, or the entry of the vocabulary that is wrong;
 *   the signal's reason when it aborts
 */
export async function readMl5Model(
  folder: string,
  signal: AbortSignal,
): Promise<ImportedModel & { readonly tokenizer: Tokenizer }> {
  const manifestFile = join(folder, 'manifest.json');
  const parsed = manifestSchema.safeParse(await readJson(manifestFile, signal));
  if (!parsed.success) throw new UnrollError(`${manifestFile}: ${schemaFault(parsed.error)}; copy it again`);
  const tensors = new Map<string, NamedArray>();
  for (const [name, { filename, shape }] of Object.entries(parsed.data)) {
    tensors.set(name, await readTensor(join(folder, filename), name, shape, signal));
  }
  const find = (layer: string, pattern: RegExp, shape?: readonly number[]) => {
    const names = [...tensors.keys()].filter((name) => pattern.test(name));
    if (names.length !== 1) {
      const count = names.length === 0 ? 'no tensor' : `${names.length} tensors`;
      throw new UnrollError(`${manifestFile}: has ${count} ${pattern.source} of ${layer}; is it a charRNN of ml5?`);
    }
    const [name] = names as [string];
    used.add(name);
    const tensor = tensors.get(name)!;
    return { tensor, values: requireShape({ file: manifestFile, name, layer }, tensor, shape ?? tensor.shape) };
  };
  const used = new Set<string>();
  const embedding = find('the embedding', /(^|\/)embedding$/);
  const [vocabSize = 0, embeddingDim = 0] = embedding.tensor.shape;
  const layers = [...tensors.keys()].filter((name) => /basic_lstm_cell\/(kernel|weights)$/.test(name)).length;
  if (layers === 0) throw new UnrollError(`${manifestFile}: has no basic_lstm_cell; only charRNNs of LSTMs are read`);
  const parameters: Arrays = {};
  let hiddenDim = 0;
  for (let layer = 0; layer < layers; layer++) {
    const cell = `cell_${layer}/basic_lstm_cell/`;
    const place = `LSTM ${layer}`;
    hiddenDim ||= (find(place, new RegExp(`${cell}(bias|biases)$`)).tensor.shape[0] ?? 0) / 4;
    const inputDim = layer === 0 ? embeddingDim : hiddenDim;
    const { values: kernel } = find(place, new RegExp(`${cell}(kernel|weights)$`), [
      inputDim + hiddenDim,
      4 * hiddenDim,
    ]);
    const { values: bias } = find(place, new RegExp(`${cell}(bias|biases)$`), [4 * hiddenDim]);
    const weights = fromTensorFlowGates({ kernel, bias, inputDim });
    for (const [name, values] of Object.entries(weights)) parameters[`lstm.${layer}.${name}`] = values;
  }
  const kernel = find('the output', /softmax_w$/, [hiddenDim, vocabSize]).values;
  const bias = find('the output', /softmax_b$/, [vocabSize]).values;
  const foreign = [...tensors.keys()].find((name) => !used.has(name) && !counters.test(name));
  if (foreign !== undefined) {
    throw new UnrollError(
      `${manifestFile}: tensor '${foreign}' ${shapeText(tensors.get(foreign)!.shape)} is of no layer that is read; the model may compute something else`,
    );
  }
  const vocabFile = join(folder, 'vocab.json');
  const { tokens, assumptions } = charactersOf(await readJson(vocabFile, signal), vocabSize, vocabFile);
  const added = tokens.length - vocabSize;
  parameters['embedding.embeddings'] = new Float32Array(tokens.length * embeddingDim);
  parameters['embedding.embeddings'].set(embedding.values);
  parameters['output.kernel'] = widened(kernel, hiddenDim, added);
  parameters['output.bias'] = Float32Array.from([...bias, ...Array<number>(added).fill(unlikely)]);
  const config = languageModelConfig({ vocabSize: tokens.length, embeddingDim, hiddenDim, layers, cell: 'lstm' });
  return {
    config,
    parameters,
    tokenizer: tokenizerOf(tokens),
    assumptions,
    unread: [...tensors.keys()].filter((name) => counters.test(name)),
  };
}

async function readJson(file: string, signal: AbortSignal): Promise<unknown> {
  const bytes = await readWholeFile(file, signal);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new UnrollError(`${file}: is not JSON (${(error as Error).message}); copy it again`);
  }
}

async function readTensor(
  file: string,
  name: string,
  shape: readonly number[],
  signal: AbortSignal,
): Promise<NamedArray> {
  const bytes = await readWholeFile(file, signal);
  const count = elementCount(shape);
  if (bytes.length !== 4 * count) {
    throw new UnrollError(
      `${file}: tensor '${name}' has ${bytes.length} bytes, manifest.json says ${shapeText(shape)}, which has ${4 * count}; copy it again`,
    );
  }
  return { shape, values: new Float32Array(bytes.buffer) };
}

/** Adds columns of zeros to a matrix. */
function widened(values: Float32Array, rows: number, added: number): Float32Array {
  const columns = values.length / rows;
  const result = new Float32Array(rows * (columns + added));
  for (let row = 0; row < rows; row++) {
    result.set(values.subarray(row * columns, (row + 1) * columns), row * (columns + added));
  }
  return result;
}

/**
 * The characters by id. An entry that is no character of a text keeps its row, under a character for private use. Tokens
 * that the tokenizer needs and the vocabulary lacks get rows of their own.
 */
function charactersOf(
  json: unknown,
  vocabSize: number,
  file: string,
): { readonly tokens: readonly string[]; readonly assumptions: readonly string[] } {
  const parsed = z.record(z.string(), z.int()).safeParse(json);
  if (!parsed.success)
    throw new UnrollError(`${file}: is no object from characters to ids (${schemaFault(parsed.error)})`);
  const tokens = new Array<string | undefined>(vocabSize).fill(undefined);
  const assumptions: string[] = [];
  for (const [entry, id] of Object.entries(parsed.data)) {
    const quoted = JSON.stringify(entry);
    if (id < 0 || id >= vocabSize) {
      throw new UnrollError(`${file}: ${quoted} has the id ${id}; the embedding's rows run from 0 to ${vocabSize - 1}`);
    }
    if (tokens[id] !== undefined) {
      throw new UnrollError(
        `${file}: ${JSON.stringify(tokens[id])} and ${quoted} both have the id ${id}; give each its own`,
      );
    }
    tokens[id] = entry;
  }
  for (const [id, entry] of tokens.entries()) {
    if (entry !== undefined && ([...entry].length === 1 || entry === unknown)) continue;
    const fault =
      entry === undefined
        ? `no entry has the id ${id}`
        : `the entry ${JSON.stringify(entry)} of id ${id} is ${entry === '' ? 'empty' : `${[...entry].length} characters`}`;
    const privateUse = 0xe000 + (id % 0x1900);
    tokens[id] = String.fromCodePoint(privateUse);
    assumptions.push(
      `${basename(file)}: ${fault}, so no text has it; its row is kept as U+${privateUse.toString(16).toUpperCase()}`,
    );
  }
  for (const token of [unknown, '\n'].filter((each) => !tokens.includes(each))) {
    assumptions.push(
      `${basename(file)}: has no ${JSON.stringify(token)}; row ${tokens.length} was added for it, which reads as zeros and has next to no probability`,
    );
    tokens.push(token);
  }
  return { tokens: tokens as string[], assumptions };
}

const unknown = '<unk>';

function tokenizerOf(tokens: readonly string[]): Tokenizer {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const pre_tokenizer = { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false };
  return loadTokenizer({ model: { type: 'WordLevel', vocab, unk_token: unknown, start_token: null }, pre_tokenizer });
}
