/**
 * TensorFlow.js's own layer classes, to extend. Its package exports functions that create layers, but only a few of the
 * classes. All of them are in its public registry, from which it loads models.
 */
import { serialization } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import type { Dense } from '@tensorflow/tfjs-layers/dist/layers/core.js';
import type { Embedding } from '@tensorflow/tfjs-layers/dist/layers/embeddings.js';
import type { GRUCell } from '@tensorflow/tfjs-layers/dist/layers/recurrent.js';
import type { Bidirectional } from '@tensorflow/tfjs-layers/dist/layers/wrappers.js';

function registered<LayerClass>(className: string): LayerClass {
  return serialization.SerializationMap.getMap().classNameMap[className]![0] as LayerClass;
}

export const TensorFlowBidirectional = registered<typeof Bidirectional>('Bidirectional');
export const TensorFlowDense = registered<typeof Dense>('Dense');
export const TensorFlowEmbedding = registered<typeof Embedding>('Embedding');
export const TensorFlowGruCell = registered<typeof GRUCell>('GRUCell');
