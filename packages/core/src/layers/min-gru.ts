/** `MinGRU`: the minGRU of Feng et al. (2024), arXiv:2410.01201, as a layer, on the `MinGruSequence` kernel. */
import * as tf from '@tensorflow/tfjs-core';
import { minGruSequence } from '../kernels/linear-recurrence/min-gru.js';
import { MinimalLayer, type MinimalLayerArgs } from './minimal-layer.js';

/**
 * A minGRU layer. Weights, gates in the order z, n: kernel [input, 2·units] and bias [2·units].
 * @example
 * tf.sequential({ layers: [new MinGRU({ units: 32, inputShape: [500, 8] }), new Linear({ units: 1 })] });
 */
export class MinGRU extends MinimalLayer {
  static override className = 'UnrollMinGRU';

  /** @throws Error naming an argument that is not supported */
  constructor(args: MinimalLayerArgs) {
    super('MinGRU', args, 2, minGruSequence);
  }
}
tf.serialization.registerClass(MinGRU);
