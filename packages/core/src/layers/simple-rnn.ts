/** `SimpleRNN`: Keras's fully connected recurrent layer, on the `RnnSequence` kernel and the cell of its activation. */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { type ActivationName, activationNames } from '../kernels/cells/activations.js';
import { rnnCell } from '../kernels/cells/rnn-cell.js';
import { rnnSequence } from '../kernels/rnn/sequence.js';
import { activationIdentifier } from './keras-activations.js';
import { checkedRecurrentArgs, type Recurrence, RecurrentLayer, type RecurrentLayerArgs } from './recurrent-layer.js';

export type SimpleRNNArgs = RecurrentLayerArgs & { readonly activation?: ActivationName };

/**
 * A simple recurrent layer. Weights: kernel [input, units], recurrent_kernel [units, units], bias [units].
 * @example
 * tf.sequential({ layers: [new SimpleRNN({ units: 32, inputShape: [20, 8] }), tf.layers.dense({ units: 1 })] });
 */
export class SimpleRNN extends RecurrentLayer {
  static override className = 'UnrollSimpleRNN';
  readonly #activation: ActivationName;

  /** @throws Error naming an argument that is not supported; RangeError if a dropout rate is not in [0, 1) */
  constructor(args: SimpleRNNArgs) {
    const checked = checkedRecurrentArgs('SimpleRNN', args, { activation: activationNames });
    const activation = checked.activation ?? 'tanh';
    super({ ...checked, cell: layers.simpleRNNCell({ ...checked, activation: activationIdentifier(activation) }) });
    this.#activation = activation;
  }

  protected override recurrence(): Recurrence {
    const activation = this.#activation;
    const cell = rnnCell(activation);
    if (activation !== 'tanh' && activation !== 'relu') return { cell };
    return {
      cell,
      plain: (x, weights, [initialHidden]) => {
        const { outputs, hidden } = rnnSequence({ x, ...weights, initialHidden: initialHidden! }, activation);
        return { outputs, states: [hidden] };
      },
    };
  }
}
tf.serialization.registerClass(SimpleRNN);
