/** `GRU`: Keras's gated recurrent unit layer in both its variants, on the `GruSequence` kernels. */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { gruSequence } from '../kernels/gru/sequence.js';
import {
  checkedRecurrentArgs,
  RecurrentLayer,
  type RecurrentLayerArgs,
  type SequenceInputs,
  type SequenceOutputs,
} from './recurrent-layer.js';
import { TensorFlowGruCell } from './tensorflow-layers.js';

export type GRUArgs = RecurrentLayerArgs & {
  readonly activation?: 'tanh';
  readonly recurrentActivation?: 'sigmoid';
  /** Whether the reset gate is applied after the recurrent product (cuDNN, PyTorch, Keras 2), the default, or before it
   * (Cho et al. 2014, and TensorFlow.js). */
  readonly resetAfter?: boolean;
};

/**
 * Weights, gates in Keras's order z, r, n: kernel [input, 3·units], recurrent_kernel [units, 3·units] and bias
 * [2, 3·units], of the input and of the recurrence; [3·units] with `resetAfter: false`.
 * @example
 * tf.sequential({ layers: [new GRU({ units: 32, inputShape: [20, 8] }), tf.layers.dense({ units: 1 })] });
 */
export class GRU extends RecurrentLayer {
  static override className = 'UnrollGRU';
  readonly #resetAfter: boolean;

  /** @throws Error naming an argument that is not supported */
  constructor(args: GRUArgs) {
    const checked = checkedRecurrentArgs('GRU', args, { activation: ['tanh'], recurrentActivation: ['sigmoid'] });
    const { resetAfter = true, ...cellArgs } = { recurrentActivation: 'sigmoid', ...checked } as const;
    super({ ...checked, cell: resetAfter ? new ResetAfterGruCell(cellArgs) : layers.gruCell(cellArgs) });
    this.#resetAfter = resetAfter;
  }

  protected override runSequence({ bias, initialStates, ...inputs }: SequenceInputs): SequenceOutputs {
    const width = inputs.kernel.shape[1]!;
    const [inputBias, recurrentBias] = this.#resetAfter
      ? tf.unstack(bias ?? tf.zeros([2, width]))
      : [bias ?? tf.zeros([width])];
    const { outputs, hidden } = gruSequence({
      ...inputs,
      bias: inputBias!,
      ...(recurrentBias ? { recurrentBias } : {}),
      initialHidden: initialStates[0]!,
    });
    return { outputs, states: [hidden] };
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), resetAfter: this.#resetAfter };
  }
}
tf.serialization.registerClass(GRU);

/** The weights of the reset-after variant, whose recurrent products have a bias of their own. */
class ResetAfterGruCell extends TensorFlowGruCell {
  override build(inputShape: (number | null)[]): void {
    const width = 3 * this.units;
    const weight = (name: string, shape: (number | null)[], kind: 'kernel' | 'recurrent' | 'bias') =>
      this.addWeight(
        name,
        shape,
        undefined,
        this[`${kind}Initializer`],
        this[`${kind}Regularizer`],
        true,
        this[`${kind}Constraint`],
      );
    this.kernel = weight('kernel', [inputShape.at(-1)!, width], 'kernel');
    this.recurrentKernel = weight('recurrent_kernel', [this.units, width], 'recurrent');
    if (this.useBias) this.bias = weight('bias', [2, width], 'bias');
    this.built = true;
  }
}
