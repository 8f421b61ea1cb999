/** `SimpleRNN`: Keras's fully connected recurrent layer, on the `RnnSequence` kernel. */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { type RnnActivation, rnnSequence } from '../kernels/rnn/sequence.js';
import {
  checkedRecurrentArgs,
  RecurrentLayer,
  type RecurrentLayerArgs,
  type SequenceInputs,
  type SequenceOutputs,
} from './recurrent-layer.js';

export type SimpleRNNArgs = RecurrentLayerArgs & { readonly activation?: RnnActivation };

/**
 * Weights: kernel [input, units], recurrent_kernel [units, units], bias [units].
 * @example
 * tf.sequential({ layers: [new SimpleRNN({ units: 32, inputShape: [20, 8] }), tf.layers.dense({ units: 1 })] });
 */
export class SimpleRNN extends RecurrentLayer {
  static override className = 'UnrollSimpleRNN';
  readonly #activation: RnnActivation;

  /** @throws Error naming an argument that is not supported */
  constructor(args: SimpleRNNArgs) {
    const checked = checkedRecurrentArgs('SimpleRNN', args, { activation: ['tanh', 'relu'] });
    super({ ...checked, cell: layers.simpleRNNCell(checked) });
    this.#activation = checked.activation ?? 'tanh';
  }

  protected override runSequence({ bias, initialStates, ...inputs }: SequenceInputs): SequenceOutputs {
    const { outputs, hidden } = rnnSequence(
      {
        ...inputs,
        bias: bias ?? tf.zeros([inputs.kernel.shape[1]!]),
        initialHidden: initialStates[0]!,
      },
      this.#activation,
    );
    return { outputs, states: [hidden] };
  }
}
tf.serialization.registerClass(SimpleRNN);
