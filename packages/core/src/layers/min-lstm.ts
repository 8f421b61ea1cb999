/** `MinLSTM`: the minLSTM of Feng et al. (2024), arXiv:2410.01201, as a layer, on the `MinLstmSequence` kernel. */
import * as tf from '@tensorflow/tfjs-core';
import { minLstmSequence } from '../kernels/linear-recurrence/min-lstm.js';
import { MinimalLayer, type MinimalLayerArgs } from './minimal-layer.js';

/**
 * A minLSTM layer. Weights, gates in the order i, f, n: kernel [input, 3·units] and bias [3·units].
 * @example
 * tf.sequential({ layers: [new MinLSTM({ units: 32, inputShape: [500, 8] }), new Linear({ units: 1 })] });
 */
export class MinLSTM extends MinimalLayer {
  static override className = 'UnrollMinLSTM';

  /** @throws Error naming an argument that is not supported */
  constructor(args: MinimalLayerArgs) {
    super('MinLSTM', args, 3, minLstmSequence);
  }
}
tf.serialization.registerClass(MinLSTM);
