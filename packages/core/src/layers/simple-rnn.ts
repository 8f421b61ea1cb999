/** `SimpleRNN`: Keras's fully connected recurrent layer, on the cell of its activation. */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { type ActivationName, activationNames } from '../kernels/cells/activations.js';
import type { RecurrentCell } from '../kernels/cells/cell.js';
import { rnnCell } from '../kernels/cells/rnn-cell.js';
import { activationIdentifier } from './keras-activations.js';
import { checkedRecurrentArgs, RecurrentLayer, type RecurrentLayerArgs } from './recurrent-layer.js';

export type SimpleRNNArgs = RecurrentLayerArgs & { readonly activation?: ActivationName };

/**
 * A simple recurrent layer. Weights: kernel [input, units], recurrent_kernel [units, units], bias [units].
 * @example
 * tf.sequential({ layers: [new SimpleRNN({ units: 32, inputShape: [20, 8] }), tf.layers.dense({ units: 1 })] });
 */
export class SimpleRNN extends RecurrentLayer {
  static override className = 'UnrollSimpleRNN';
  protected override readonly recurrentCell: RecurrentCell;

  /** @throws Error naming an argument that is not supported; RangeError if a dropout rate is not in [0, 1) */
  constructor(args: SimpleRNNArgs) {
    const checked = checkedRecurrentArgs('SimpleRNN', args, { activation: activationNames });
    const activation = checked.activation ?? 'tanh';
    super({ ...checked, cell: layers.simpleRNNCell({ ...checked, activation: activationIdentifier(activation) }) });
    this.recurrentCell = rnnCell(activation);
  }
}
tf.serialization.registerClass(SimpleRNN);
