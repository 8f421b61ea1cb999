/**
 * Converts a checkpoint's parameters to the `state_dict` of PyTorch's example word_language_model: `encoder`, an
 * `nn.Embedding`; `rnn`, an `nn.RNN`, `nn.LSTM` or `nn.GRU`; and `decoder`, an `nn.Linear`. The inverse of
 * torch-model.ts.
 */
import { type LanguageModelConfig, parameterShapes } from '@unroll/core';
import { transposed, withGatesReordered } from '@unroll/core/internal';
import type { Arrays } from '../checkpoint/arrays.js';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';

/**
 * Returns the tensors in the model's order. With tied weights, `encoder.weight` and `decoder.weight` share their
 * values.
 * @throws UnrollError if PyTorch has no such cell
 */
export function torchTensors(config: LanguageModelConfig, parameters: Arrays): ReadonlyMap<string, NamedArray> {
  const { cell, layers, vocabSize } = config;
  if (cell === 'cifg' || cell === 'mingru' || cell === 'minlstm' || cell === 'rwkv7') {
    throw new UnrollError(`PyTorch has no layer of the cell ${cell}; export a model of another cell`);
  }
  if (config.softmax?.name === 'adaptive') {
    throw new UnrollError(
      `an adaptive softmax is not an nn.Linear, as the decoder is; export a model of another ${option('softmax')}`,
    );
  }
  const shapes = parameterShapes(config);
  const tensors = new Map<string, NamedArray>();
  const set = (name: string, shape: readonly number[], values: Float32Array) => tensors.set(name, { shape, values });
  const setTransposed = (name: string, parameter: string, reorder = (values: Float32Array) => values) => {
    const [rows, columns] = shapes[parameter] as [number, number];
    set(name, [columns, rows], reorder(transposed(parameters[parameter]!, rows)));
  };
  const reordered = (values: Float32Array) => withGatesReordered(cell, values);

  const embedding = parameters['embedding.embeddings']!;
  set('encoder.weight', shapes['embedding.embeddings']!, embedding);
  for (let layer = 0; layer < layers; layer++) {
    const name = (parameter: string) => `${cell}.${layer}.${parameter}`;
    setTransposed(`rnn.weight_ih_l${layer}`, name('kernel'), reordered);
    setTransposed(`rnn.weight_hh_l${layer}`, name('recurrent_kernel'), reordered);
    const bias = parameters[name('bias')]!;
    set(`rnn.bias_ih_l${layer}`, [bias.length], reordered(bias));
    // PyTorch's layers have two biases or none.
    const recurrentBias = parameters[name('recurrent_bias')] ?? new Float32Array(bias.length);
    set(`rnn.bias_hh_l${layer}`, [bias.length], reordered(recurrentBias));
    if (config.projectionDim) setTransposed(`rnn.weight_hr_l${layer}`, name('projection'));
  }

  const width = config.projectionDim ?? config.hiddenDim;
  // After training with a sampled softmax, the output has a row for each word, as in PyTorch.
  const rows = config.tieWeights ? embedding : parameters['output.embeddings'];
  if (rows) set('decoder.weight', [vocabSize, width], rows);
  else setTransposed('decoder.weight', 'output.kernel');
  set('decoder.bias', [vocabSize], parameters['output.bias']!);
  return tensors;
}
