/** `LSTM`: Keras's long short-term memory layer, on the `LstmSequence` kernel. */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { lstmSequence } from '../kernels/lstm/sequence.js';
import {
  checkedRecurrentArgs,
  RecurrentLayer,
  type RecurrentLayerArgs,
  type SequenceInputs,
  type SequenceOutputs,
} from './recurrent-layer.js';

export type LSTMArgs = RecurrentLayerArgs & {
  readonly activation?: 'tanh';
  readonly recurrentActivation?: 'sigmoid';
  /** Start the forget gate's bias at one (Jozefowicz et al. 2015); true if left out. */
  readonly unitForgetBias?: boolean;
};

/**
 * Weights, gates in Keras's order i, f, g, o: kernel [input, 4·units], recurrent_kernel [units, 4·units], bias [4·units].
 * States: the hidden one, then the cell's.
 * @example
 * tf.sequential({ layers: [new LSTM({ units: 32, inputShape: [20, 8] }), tf.layers.dense({ units: 1 })] });
 */
export class LSTM extends RecurrentLayer {
  static override className = 'UnrollLSTM';

  /** @throws Error naming an argument that is not supported */
  constructor(args: LSTMArgs) {
    const checked = checkedRecurrentArgs('LSTM', args, { activation: ['tanh'], recurrentActivation: ['sigmoid'] });
    super({ ...checked, cell: layers.lstmCell({ recurrentActivation: 'sigmoid', unitForgetBias: true, ...checked }) });
  }

  protected override runSequence({ bias, initialStates, ...inputs }: SequenceInputs): SequenceOutputs {
    const [initialHidden, initialCell] = initialStates;
    const { outputs, hidden, cell } = lstmSequence({
      ...inputs,
      bias: bias ?? tf.zeros([inputs.kernel.shape[1]!]),
      initialHidden: initialHidden!,
      initialCell: initialCell!,
    });
    return { outputs, states: [hidden, cell] };
  }
}
tf.serialization.registerClass(LSTM);
