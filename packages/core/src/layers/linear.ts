/** `Linear`: x·W + b, Keras's Dense layer without an activation. */
import * as tf from '@tensorflow/tfjs-core';
import type { DenseLayerArgs } from '@tensorflow/tfjs-layers/dist/layers/core.js';
import { assertSupported } from './supported-arguments.js';
import { TensorFlowDense } from './tensorflow-layers.js';

export type LinearArgs = Omit<DenseLayerArgs, 'activation' | 'activityRegularizer'>;

/**
 * A linear layer. Input [batch, …, in]; output [batch, …, units]. Weights: kernel [in, units], initialized by
 * glorotUniform unless given otherwise, and bias [units], zeros.
 * @example
 * tf.sequential({ layers: [new LSTM({ units: 32, inputShape: [20, 8] }), new Linear({ units: 1 })] });
 */
export class Linear extends TensorFlowDense {
  static override className = 'UnrollLinear';

  /** @throws Error naming an argument that is not supported */
  constructor(args: LinearArgs) {
    assertSupported('Linear', args, { activation: ['linear'], activityRegularizer: [] });
    super({ kernelInitializer: 'glorotUniform', ...args });
  }
}
tf.serialization.registerClass(Linear);
