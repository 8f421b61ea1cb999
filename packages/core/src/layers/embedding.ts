/** `Embedding`: Keras's lookup table, on the `EmbeddingLookup` kernel, which trains on every backend. */
import * as tf from '@tensorflow/tfjs-core';
import type { EmbeddingLayerArgs } from '@tensorflow/tfjs-layers/dist/layers/embeddings.js';
import { embeddingLookup } from '../kernels/embedding/lookup.js';
import { assertSupported } from './supported-arguments.js';
import { TensorFlowEmbedding } from './tensorflow-layers.js';

export type EmbeddingArgs = Omit<EmbeddingLayerArgs, 'activityRegularizer'>;

/**
 * Looks up embeddings. Input: ids [batch, …]; output [batch, …, outputDim]. Weights: embeddings [inputDim, outputDim].
 * With `maskZero` the id 0 is padding, which the recurrent layers that follow skip.
 * @example
 * tf.sequential({ layers: [new Embedding({ inputDim: 1000, outputDim: 64 }), new LSTM({ units: 32 })] });
 */
export class Embedding extends TensorFlowEmbedding {
  static override className = 'UnrollEmbedding';

  /** @throws Error naming an argument that is not supported */
  constructor(args: EmbeddingArgs) {
    assertSupported('Embedding', args, { activityRegularizer: [] });
    super(args);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const ids = Array.isArray(inputs) ? inputs[0]! : inputs;
      const [table] = this.weights;
      return embeddingLookup(table!.read() as tf.Tensor2D, tf.cast(ids, 'int32'));
    });
  }
}
tf.serialization.registerClass(Embedding);
