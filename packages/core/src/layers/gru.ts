/** `GRU`: Keras's gated recurrent unit layer in both its variants, on the cell of its activations. */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { type ActivationName, activationNames } from '../kernels/cells/activations.js';
import type { RecurrentCell } from '../kernels/cells/cell.js';
import { gruCell } from '../kernels/cells/gru-cell.js';
import { activationIdentifier } from './keras-activations.js';
import {
  checkedRecurrentArgs,
  RecurrentLayer,
  type RecurrentLayerArgs,
  type SequenceWeights,
} from './recurrent-layer.js';
import { TensorFlowGruCell } from './tensorflow-layers.js';

export type GRUArgs = RecurrentLayerArgs & {
  /** Activation of the candidate; default tanh. */
  readonly activation?: ActivationName;
  /** Activation of the gates; default sigmoid, as in Keras 2 (TensorFlow.js: hardSigmoid). */
  readonly recurrentActivation?: ActivationName;
  /**
   * True (default) applies the reset gate after the recurrent product (cuDNN, PyTorch, Keras 2), false before it (Cho
   * et al. 2014, TensorFlow.js).
   */
  readonly resetAfter?: boolean;
};

/**
 * A GRU layer. Weights, gates in Keras's order z, r, n: kernel [input, 3·units], recurrent_kernel [units, 3·units] and
 * bias [2, 3·units], one row for the input and one for the recurrence; [3·units] with `resetAfter: false`.
 * @example
 * tf.sequential({ layers: [new GRU({ units: 32, inputShape: [20, 8] }), tf.layers.dense({ units: 1 })] });
 */
export class GRU extends RecurrentLayer {
  static override className = 'UnrollGRU';
  readonly #resetAfter: boolean;
  protected override readonly recurrentCell: RecurrentCell;

  /** @throws Error naming an argument that is not supported; RangeError if a dropout rate is not in [0, 1) */
  constructor(args: GRUArgs) {
    const { resetAfter: given, ...checked } = checkedRecurrentArgs('GRU', args, {
      activation: activationNames,
      recurrentActivation: activationNames,
    });
    const resetAfter = given ?? true;
    const { activation, recurrentActivation } = checked;
    const activations = { activation: activation ?? 'tanh', recurrentActivation: recurrentActivation ?? 'sigmoid' };
    const cellArgs = {
      ...checked,
      activation: activationIdentifier(activations.activation),
      recurrentActivation: activationIdentifier(activations.recurrentActivation),
    } as const;
    super({ ...checked, cell: resetAfter ? new ResetAfterGruCell(cellArgs) : layers.gruCell(cellArgs) });
    this.#resetAfter = resetAfter;
    this.recurrentCell = gruCell({ resetAfter, ...activations });
  }

  protected override biases(
    bias: tf.Tensor | undefined,
    width: number,
  ): Pick<SequenceWeights, 'bias' | 'recurrentBias'> {
    if (!this.#resetAfter) return super.biases(bias, width);
    const [inputBias, recurrentBias] = tf.unstack(bias ?? tf.zeros([2, width]));
    return { bias: inputBias!, recurrentBias: recurrentBias! };
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), resetAfter: this.#resetAfter };
  }
}
tf.serialization.registerClass(GRU);

/** A cell with the weights of the reset-after variant, whose recurrent product has its own bias. */
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
