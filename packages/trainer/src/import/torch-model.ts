/**
 * Converts a PyTorch language model, `nn.Embedding`, `nn.RNN`/`nn.LSTM`/`nn.GRU` and `nn.Linear`, to one of ours.
 * PyTorch stores matrices transposed and the GRU's gates in another order. It always has two biases; they remain two
 * here.
 */
import { languageModelConfig } from '@unroll/core';
import { type ClassicCell, gateCounts } from '@unroll/core/config';
import { transposed, withGatesReordered } from '@unroll/core/internal';
import type { Arrays } from '../checkpoint/arrays.js';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import type { ImportedModel } from './imported-model.js';
import { isSame, type NamedArrays, shapeText } from './named-arrays.js';
import {
  findModules,
  type Mapping,
  type TorchModules,
  type TorchTensors,
  tensorPath,
  withoutWrappers,
} from './torch-modules.js';
import { TorchReader } from './torch-reader.js';

interface Sizes {
  readonly vocabSize: number;
  readonly embeddingDim: number;
  readonly hiddenDim: number;
  /** The output width of an LSTM whose outputs are projected (`proj_size`). */
  readonly projectionDim: number | undefined;
  readonly cell: ClassicCell;
  readonly recurrentBias: boolean;
}

/**
 * Converts a model.
 * @param tensors the model's `state_dict`
 * @param file its name, for errors
 * @throws UnrollError naming a tensor of a wrong shape, with both shapes and its layer; a part that was not found; or a
 *   tensor that no part of our language model uses
 */
export function modelFromTorch(tensors: NamedArrays, mapping: Mapping, file: string): ImportedModel {
  const reader = new TorchReader(withoutWrappers(tensors), mapping, file);
  reader.requirePlainWeights();
  const modules = findModules(reader.tensors, mapping, file);
  const layers = recurrentLayers(reader.tensors, modules);
  const embeddingPath = tensorPath(modules.embedding, 'weight');
  const [vocabSize, embeddingDim] = reader.matrixSize(embeddingPath, 'the embedding');
  const sizes = {
    vocabSize,
    embeddingDim,
    ...cellOf(reader, layers[0]!),
    recurrentBias: reader.has(layers[0]!('bias_hh')),
  };
  requireTanh(mapping, sizes.cell, file);
  const embedding = reader.read(embeddingPath, 'the embedding', [vocabSize, embeddingDim]);
  const parameters: Arrays = { 'embedding.embeddings': embedding };
  for (const [index, path] of layers.entries()) {
    Object.assign(parameters, recurrentParameters(reader, sizes, index, path));
  }
  Object.assign(parameters, outputParameters(reader, sizes, modules.output, embedding));
  reader.requireNothingLeft(embedding);

  const { cell, recurrentBias } = sizes;
  const config = languageModelConfig({
    ...sizes,
    layers: layers.length,
    tieWeights: !('output.kernel' in parameters),
    // A GRU always has it.
    recurrentBias: recurrentBias && cell !== 'gru',
  });
  const isTiedByAbsence = !reader.has(tensorPath(modules.output, 'weight'));
  const assumptions = isTiedByAbsence
    ? ["the output's weights, which the file does not hold: those of the embedding, as where both are tied"]
    : [];
  return { config, parameters, assumptions, unread: [] };
}

/**
 * Checks the nonlinearity.
 * @throws UnrollError if an RNN is not known to compute with tanh, as ours do, or if a mapping sets the nonlinearity of
 *   another cell
 */
function requireTanh({ nonlinearity }: Mapping, cell: ClassicCell, file: string): void {
  if (nonlinearity === (cell === 'rnn' ? 'tanh' : undefined)) return;
  if (cell !== 'rnn') {
    throw new UnrollError(
      `${file}: has no RNN, whose nonlinearity ${option('mapping')} could tell, but a layer of kind ${cell}; leave "nonlinearity" out`,
    );
  }
  throw new UnrollError(
    nonlinearity === undefined
      ? `${file}: has an nn.RNN, whose tensors do not tell if it computes with tanh or relu; say {"nonlinearity": "tanh"} in a ${option('mapping')} file if it is tanh, PyTorch's default`
      : `${file}: its RNN is of the nonlinearity 'relu'; a language model here has tanh alone: train it with nonlinearity='tanh'`,
  );
}

/** Returns the path of one layer's tensor of a kind, such as `weight_ih`. */
type LayerPath = (kind: string) => string;

/** Returns all layers of all recurrent modules, in the order in which they run. */
function recurrentLayers(tensors: TorchTensors, { recurrent }: TorchModules): LayerPath[] {
  return recurrent.flatMap((module) => {
    const layers: LayerPath[] = [];
    for (let layer = 0; tensors.has(tensorPath(module, `weight_ih_l${layer}`)); layer++) {
      layers.push((kind) => tensorPath(module, `${kind}_l${layer}`));
    }
    return layers;
  });
}

/** Infers the cell from the height-to-width ratio of its recurrent matrix; only LSTMs may project their outputs. */
function cellOf(reader: TorchReader, path: LayerPath): Pick<Sizes, 'cell' | 'hiddenDim' | 'projectionDim'> {
  const layer = 'recurrent layer 0';
  if (reader.has(path('weight_hr'))) {
    const [projectionDim, hiddenDim] = reader.matrixSize(path('weight_hr'), layer);
    return { cell: 'lstm', hiddenDim, projectionDim };
  }
  const [height, hiddenDim] = reader.matrixSize(path('weight_hh'), layer);
  const cell = (['rnn', 'gru', 'lstm'] as const).find((name) => gateCounts[name] * hiddenDim === height);
  if (cell) return { cell, hiddenDim, projectionDim: undefined };
  throw new UnrollError(
    `${reader.file}: tensor '${path('weight_hh')}' of ${layer} is ${shapeText([height, hiddenDim])}; an RNN's, a GRU's or an LSTM's is 1, 3 or 4 times as high as wide`,
  );
}

/** The width of a layer's output. */
function outputDim({ hiddenDim, projectionDim }: Sizes): number {
  return projectionDim ?? hiddenDim;
}

function recurrentParameters(reader: TorchReader, sizes: Sizes, index: number, path: LayerPath): Arrays {
  const { cell, embeddingDim, hiddenDim, projectionDim, recurrentBias } = sizes;
  const width = gateCounts[cell] * hiddenDim;
  const output = outputDim(sizes);
  const read = (kind: string, shape: readonly number[]) => reader.read(path(kind), `recurrent layer ${index}`, shape);
  const readGates = (kind: string, shape: readonly number[]) => withGatesReordered(cell, read(kind, shape));
  const bias = (kind: string) => (recurrentBias ? readGates(kind, [width]) : new Float32Array(width));
  const prefix = `${cell}.${index}`;
  const parameters: Arrays = {
    [`${prefix}.kernel`]: transposed(readGates('weight_ih', [width, index === 0 ? embeddingDim : output]), width),
    [`${prefix}.recurrent_kernel`]: transposed(readGates('weight_hh', [width, output]), width),
    [`${prefix}.bias`]: bias('bias_ih'),
  };
  if (recurrentBias || cell === 'gru') parameters[`${prefix}.recurrent_bias`] = bias('bias_hh');
  if (projectionDim) {
    parameters[`${prefix}.projection`] = transposed(read('weight_hr', [projectionDim, hiddenDim]), projectionDim);
  }
  return parameters;
}

/** Reads the output layer's parameters, without `output.kernel` if its weights are the embedding's. */
function outputParameters(reader: TorchReader, sizes: Sizes, module: string, embedding: Float32Array): Arrays {
  const { vocabSize, embeddingDim } = sizes;
  const width = outputDim(sizes);
  const [weight, bias] = [tensorPath(module, 'weight'), tensorPath(module, 'bias')];
  const biases = reader.has(bias) ? reader.read(bias, 'the output', [vocabSize]) : new Float32Array(vocabSize);
  // safetensors files omit a tensor that shares another's values: then only a bias is there.
  if (!reader.has(weight) && embeddingDim === width) return { 'output.bias': biases };
  const weights = reader.read(weight, 'the output', [vocabSize, width]);
  if (isSame(weights, embedding)) return { 'output.bias': biases };
  return { 'output.kernel': transposed(weights, vocabSize), 'output.bias': biases };
}
