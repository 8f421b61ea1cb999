/**
 * `Dropout`: Keras's dropout layer, but reproducible: the dropped elements are a function of its seed and of the number
 * of its calls in training. (TensorFlow.js's own layer, given a seed, drops the same elements in every call.)
 */

import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import type { LayerArgs } from '@tensorflow/tfjs-layers/dist/engine/topology.js';
import { requireRate } from '../checks/numbers.js';
import { fillDropoutMask } from '../random/dropout-mask.js';
import { assertSupported } from './supported-arguments.js';

export type DropoutArgs = LayerArgs & {
  /** Probability of dropping an element, in [0, 1). */
  readonly rate: number;
  /**
   * An integer in [0, 2^53); default 0. Layers with the same seed and shape drop the same elements: give each its own
   * seed.
   */
  readonly seed?: number;
};

/**
 * In training, drops each element or scales it by 1/(1 − rate); otherwise the layer is the identity. Any shape.
 * @example
 * tf.sequential({ layers: [new LSTM({ units: 32, inputShape: [20, 8] }), new Dropout({ rate: 0.5, seed: 1 })] });
 */
export class Dropout extends layers.Layer {
  static className = 'UnrollDropout';
  readonly rate: number;
  readonly seed: number;
  #calls = 0;

  /** @throws Error naming an argument that is not supported; RangeError if `rate` is not in [0, 1) */
  constructor(args: DropoutArgs) {
    assertSupported('Dropout', args, { noiseShape: [] });
    super(args);
    requireRate('Dropout: rate', args.rate);
    this.rate = args.rate;
    this.seed = args.seed ?? 0;
    this.supportsMasking = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: { training?: boolean }): tf.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      if (!kwargs.training || this.rate === 0) return tf.clone(x);
      const mask = new Float32Array(x.size);
      const place = { site: 0, firstLane: 0, lanes: 1, time: 1, width: x.size };
      fillDropoutMask(mask, { rate: this.rate, seed: this.seed, step: this.#calls++, ...place });
      return tf.mul(x, tf.tensor(mask, x.shape));
    });
  }

  override computeOutputShape(inputShape: (number | null)[]): (number | null)[] {
    return inputShape;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), rate: this.rate, seed: this.seed };
  }
}
tf.serialization.registerClass(Dropout);
