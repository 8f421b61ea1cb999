/** Converts a Keras language model to one of ours. The weights have the same layouts, so they are checked but not converted. */
import { languageModelConfig } from '@unroll/core';
import { gateCounts } from '@unroll/core/config';
import type { Arrays } from '../checkpoint/arrays.js';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { UnrollError } from '../errors.js';
import type { ImportedModel } from './imported-model.js';
import type { KerasArchitecture, KerasLayer } from './keras-architecture.js';
import { requireShape } from './named-arrays.js';

/** A model saved by Keras or TensorFlow.js, in any of their formats. */
export interface KerasSource {
  readonly architecture: KerasArchitecture;
  /** Returns a layer's tensor by Keras's name: `embeddings`, `kernel`, `recurrent_kernel`, `bias`. */
  weight(layer: KerasLayer, kind: WeightKind): NamedArray | undefined;
}

export type WeightKind = 'embeddings' | 'kernel' | 'recurrent_kernel' | 'bias';

/** The order in which Keras stores a layer's weights. */
export function weightKinds(className: string): readonly WeightKind[] {
  if (className === 'Embedding') return ['embeddings'];
  return className === 'Dense' ? ['kernel', 'bias'] : ['kernel', 'recurrent_kernel', 'bias'];
}

/**
 * Converts a model.
 * @param file its name, for errors
 * @throws UnrollError naming a tensor whose shape differs from its layer's options, with both shapes
 */
export function modelFromKeras({ architecture, weight }: KerasSource, file: string): ImportedModel {
  const { embedding, recurrent, cell, output } = architecture;
  const size = (layer: KerasLayer, option: string) => positiveInteger(layer, option, file);
  const [vocabSize, embeddingDim] = [size(embedding, 'input_dim'), size(embedding, 'output_dim')];
  const hiddenDim = size(recurrent[0]!, 'units');
  const width = gateCounts[cell] * hiddenDim;
  const read = (layer: KerasLayer, kind: WeightKind, shape: readonly number[]) => {
    const place = { file, name: `${layer.name}/${kind}`, layer: `layer '${layer.name}'` };
    return requireShape(place, weight(layer, kind), shape);
  };
  const bias = (layer: KerasLayer, shape: readonly number[]) =>
    layer.config.use_bias === false ? new Float32Array(shape.reduce((a, b) => a * b)) : read(layer, 'bias', shape);

  const parameters: Arrays = { 'embedding.embeddings': read(embedding, 'embeddings', [vocabSize, embeddingDim]) };
  for (const [index, layer] of recurrent.entries()) {
    const input = index === 0 ? embeddingDim : hiddenDim;
    parameters[`${cell}.${index}.kernel`] = read(layer, 'kernel', [input, width]);
    parameters[`${cell}.${index}.recurrent_kernel`] = read(layer, 'recurrent_kernel', [hiddenDim, width]);
    if (cell === 'gru') {
      const both = bias(layer, [2, width]);
      parameters[`${cell}.${index}.bias`] = both.slice(0, width);
      parameters[`${cell}.${index}.recurrent_bias`] = both.slice(width);
    } else {
      parameters[`${cell}.${index}.bias`] = bias(layer, [width]);
    }
  }
  parameters['output.kernel'] = read(output, 'kernel', [hiddenDim, vocabSize]);
  parameters['output.bias'] = bias(output, [vocabSize]);
  const config = languageModelConfig({ vocabSize, embeddingDim, hiddenDim, layers: recurrent.length, cell });
  return { config, parameters, assumptions: [], unread: [] };
}

function positiveInteger({ name, config }: KerasLayer, option: string, file: string): number {
  const value = config[option];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new UnrollError(`${file}: layer '${name}' has ${option}=${JSON.stringify(value)}, expected a positive integer`);
}
