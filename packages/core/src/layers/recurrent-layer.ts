/**
 * What SimpleRNN, LSTM and GRU share: TensorFlow.js's `RNN` layer, with its arguments, its handling of states and its
 * serialization, but the whole sequence by one of our kernels instead of a cell called step by step. Of the cell, only
 * the weights are used.
 */
import * as tf from '@tensorflow/tfjs-core';
import { RNN } from '@tensorflow/tfjs-layers';
import type { SimpleRNNLayerArgs } from '@tensorflow/tfjs-layers/dist/layers/recurrent.js';
import { assertSupported } from './supported-arguments.js';

/** Keras's arguments; the initializers default to Keras's glorotUniform, orthogonal and zeros. */
export type RecurrentLayerArgs = Omit<
  SimpleRNNLayerArgs,
  'cell' | 'activation' | 'dropout' | 'recurrentDropout' | 'dropoutFunc' | 'unroll' | 'activityRegularizer'
>;

export interface SequenceInputs {
  /** [time, batch, input] */
  readonly x: tf.Tensor;
  /** [input, gates·units] */
  readonly kernel: tf.Tensor;
  /** [units, gates·units] */
  readonly recurrentKernel: tf.Tensor;
  /** As the cell shapes it; undefined without `useBias`. */
  readonly bias: tf.Tensor | undefined;
  /** Each [batch, units]. */
  readonly initialStates: readonly tf.Tensor[];
}

export interface SequenceOutputs {
  /** [time, batch, units] */
  readonly outputs: tf.Tensor;
  /** The last ones, each [batch, units]. */
  readonly states: tf.Tensor[];
}

/** The weights of TensorFlow.js's SimpleRNNCell, LSTMCell and GRUCell. */
interface CellWeights {
  readonly kernel: { read(): tf.Tensor };
  readonly recurrentKernel: { read(): tf.Tensor };
  readonly bias: { read(): tf.Tensor } | null;
}

/**
 * Input [batch, time, features] and optionally, as `initialState`, each state [batch, units]. Output [batch, units], or
 * [batch, time, units] with `returnSequences`; with `returnState` a list of that and of the last states.
 */
export abstract class RecurrentLayer extends RNN {
  /** Runs the kernel. */
  protected abstract runSequence(inputs: SequenceInputs): SequenceOutputs;

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[] {
    assertSupported(this.name, kwargs, { mask: [], constants: [] });
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      const timeMajor = tf.transpose(x, [1, 0, 2]);
      const { kernel, recurrentKernel, bias } = this.cell as unknown as CellWeights;
      const { outputs, states } = this.runSequence({
        x: this.goBackwards ? tf.reverse(timeMajor, 0) : timeMajor,
        kernel: kernel.read(),
        recurrentKernel: recurrentKernel.read(),
        bias: bias?.read(),
        initialStates: this.#initialStates(x, kwargs.initialState as tf.Tensor[] | undefined),
      });
      if (this.stateful) this.resetStates(states, Boolean(kwargs.training));
      const output = this.returnSequences ? tf.transpose(outputs, [1, 0, 2]) : states[0]!;
      return this.returnState ? [output, ...states] : output;
    });
  }

  /** TensorFlow.js forgets the regularizers of an RNN's weights; their penalties belong to the layer's losses. */
  override get losses() {
    return this.cell.losses;
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new cls(config);
  }

  #initialStates(x: tf.Tensor, given: tf.Tensor[] | undefined): readonly tf.Tensor[] {
    const sizes = [this.cell.stateSize].flat();
    const states = given ?? (this.stateful ? this.states : sizes.map((size) => tf.zeros([x.shape[0]!, size])));
    if (states.length === sizes.length) return states;
    throw new Error(
      `${this.name}: initialState has ${states.length} tensors; give ${sizes.length}, each [batch, units]`,
    );
  }
}

/** `args` with Keras's defaults. @throws Error naming an argument that is not supported */
export function checkedRecurrentArgs<Args extends RecurrentLayerArgs>(
  layer: string,
  args: Args,
  supported: Readonly<Record<string, readonly unknown[]>>,
): Args {
  assertSupported(layer, args, {
    ...{ dropout: [0], recurrentDropout: [0], dropoutFunc: [], unroll: [false], activityRegularizer: [], weights: [] },
    ...supported,
  });
  return { kernelInitializer: 'glorotUniform', ...args };
}
