/** `Bidirectional`: TensorFlow.js's wrapper (Schuster and Paliwal 1997), but with Keras's outputs at masked steps. */
import * as tf from '@tensorflow/tfjs-core';
import { MinimalLayer } from './minimal-layer.js';
import { RecurrentLayer } from './recurrent-layer.js';
import { TensorFlowBidirectional } from './tensorflow-layers.js';

type TensorFlowArgs = ConstructorParameters<typeof TensorFlowBidirectional>[0];

export type BidirectionalArgs = Omit<TensorFlowArgs, 'layer'> & {
  /** The layer to copy. TensorFlow.js declares an `RNN`, but uses no member that the minimal layers lack. */
  readonly layer: TensorFlowArgs['layer'] | MinimalLayer;
};

/** Members that TensorFlow.js declares private. */
interface Copies {
  readonly forwardLayer: object;
  readonly backwardLayer: object;
}

/**
 * Runs two copies of a recurrent layer over the sequence and its reverse. Input [batch, time, features]; output as the
 * layer's, with twice the units if `mergeMode` is `concat`. At masked steps both copies output zeros, as in Keras, if
 * the layer is one of ours and returns sequences. TensorFlow.js's own layers repeat the output of the step before.
 * @example
 * new Bidirectional({ layer: new LSTM({ units: 32, returnSequences: true }), mergeMode: 'concat' });
 */
export class Bidirectional extends TensorFlowBidirectional {
  static override className = 'UnrollBidirectional';

  constructor(args: BidirectionalArgs) {
    super(args as TensorFlowArgs);
    const { forwardLayer, backwardLayer } = this as unknown as Copies;
    for (const layer of [forwardLayer, backwardLayer]) {
      if (layer instanceof RecurrentLayer || layer instanceof MinimalLayer)
        layer.zeroOutputForMask = layer.returnSequences;
    }
  }
}
tf.serialization.registerClass(Bidirectional);
