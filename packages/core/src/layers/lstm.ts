/** `LSTM`: Keras's long short-term memory layer, on the cell of its activations. */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { type ActivationName, activationNames } from '../kernels/cells/activations.js';
import type { RecurrentCell } from '../kernels/cells/cell.js';
import { lstmCell } from '../kernels/cells/lstm-cell.js';
import { activationIdentifier } from './keras-activations.js';
import { checkedRecurrentArgs, RecurrentLayer, type RecurrentLayerArgs } from './recurrent-layer.js';

export type LSTMArgs = RecurrentLayerArgs & {
  /** Activation of the candidate and of the cell state; default tanh. */
  readonly activation?: ActivationName;
  /** Activation of the gates; default sigmoid, as in Keras 2 (TensorFlow.js: hardSigmoid). */
  readonly recurrentActivation?: ActivationName;
  /** Whether the forget gate's bias starts at one (Jozefowicz et al. 2015); default true. */
  readonly unitForgetBias?: boolean;
};

/**
 * An LSTM layer. Weights, gates in Keras's order i, f, g, o: kernel [input, 4·units], recurrent_kernel [units,
 * 4·units], bias [4·units]. States: hidden state, then cell state.
 * @example
 * tf.sequential({ layers: [new LSTM({ units: 32, inputShape: [20, 8] }), tf.layers.dense({ units: 1 })] });
 */
export class LSTM extends RecurrentLayer {
  static override className = 'UnrollLSTM';
  protected override readonly recurrentCell: RecurrentCell;

  /** @throws Error naming an argument that is not supported; RangeError if a dropout rate is not in [0, 1) */
  constructor(args: LSTMArgs) {
    const checked = checkedRecurrentArgs('LSTM', args, {
      activation: activationNames,
      recurrentActivation: activationNames,
    });
    const { activation, recurrentActivation, unitForgetBias } = checked;
    const activations = { activation: activation ?? 'tanh', recurrentActivation: recurrentActivation ?? 'sigmoid' };
    const cell = layers.lstmCell({
      ...checked,
      activation: activationIdentifier(activations.activation),
      recurrentActivation: activationIdentifier(activations.recurrentActivation),
      unitForgetBias: unitForgetBias ?? true,
    });
    super({ ...checked, cell });
    this.recurrentCell = lstmCell(activations);
  }
}
tf.serialization.registerClass(LSTM);
