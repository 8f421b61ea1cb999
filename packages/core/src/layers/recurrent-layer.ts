/**
 * Base of SimpleRNN, LSTM and GRU. They are TensorFlow.js's `RNN` layer, with its arguments, state handling and
 * serialization. But one of our kernels runs the whole sequence, instead of a cell that is called step by step. Only
 * the cell's weights and configuration are used.
 */
import * as tf from '@tensorflow/tfjs-core';
import { RNN } from '@tensorflow/tfjs-layers';
import type { SimpleRNNLayerArgs } from '@tensorflow/tfjs-layers/dist/layers/recurrent.js';
import type { RecurrentCell } from '../kernels/cells/cell.js';
import { cellSequence } from '../kernels/cells/sequence.js';
import { Dropout } from './dropout.js';
import { assertSupported } from './supported-arguments.js';

/** Keras's arguments; the initializers default to Keras's glorotUniform, orthogonal and zeros. */
export type RecurrentLayerArgs = Omit<
  SimpleRNNLayerArgs,
  'cell' | 'activation' | 'dropoutFunc' | 'activityRegularizer'
> & {
  /**
   * Seed of `dropout` and `recurrentDropout`: an integer in [0, 2^53); default 0. Layers with the same seed and shape
   * drop the same elements: give each its own seed.
   */
  readonly seed?: number;
  /**
   * Whether masked steps output zeros, as in `Bidirectional`; by default they repeat the output of the step before.
   */
  readonly zeroOutputForMask?: boolean;
};

/** A layer's weights in the form that the kernels take. */
export interface SequenceWeights {
  /** [input, gates·units] */
  readonly kernel: tf.Tensor;
  /** [units, gates·units] */
  readonly recurrentKernel: tf.Tensor;
  /** [gates·units] */
  readonly bias: tf.Tensor;
  /** [gates·units]; only for a GRU that resets after the product. */
  readonly recurrentBias?: tf.Tensor;
}

export interface SequenceOutputs {
  /** [time, batch, units] */
  readonly outputs: tf.Tensor;
  /** The states after the last step, each [batch, units]. */
  readonly states: readonly tf.Tensor[];
}

interface CallArguments {
  readonly mask?: tf.Tensor | (tf.Tensor | null)[] | null;
  readonly training?: boolean;
  readonly initialState?: readonly tf.Tensor[];
}

/** The weights of TensorFlow.js's SimpleRNNCell, LSTMCell and GRUCell. */
interface CellWeights {
  readonly kernel: { read(): tf.Tensor };
  readonly recurrentKernel: { read(): tf.Tensor };
  readonly bias: { read(): tf.Tensor } | null;
}

/**
 * Input [batch, time, features] and optionally, as `initialState`, each state [batch, units]. Output [batch, units], or
 * [batch, time, units] with `returnSequences`; with `returnState` a list of the output and the last states. Where a
 * mask [batch, time] is zero, the states stay unchanged. The step repeats the output before it, or outputs zeros with
 * `zeroOutputForMask`.
 */
export abstract class RecurrentLayer extends RNN {
  zeroOutputForMask: boolean;
  readonly #seed: number;
  readonly #inputDropout: Dropout | undefined;
  readonly #recurrentDropout: Dropout | undefined;

  /** @throws RangeError if `dropout` or `recurrentDropout` is not in [0, 1) */
  constructor(args: RecurrentLayerArgs & { cell: RNN['cell'] }) {
    super(args);
    this.#seed = args.seed ?? 0;
    this.zeroOutputForMask = args.zeroOutputForMask ?? false;
    // The two copies of a layer in Bidirectional differ only in direction; each draws its own masks.
    const first = this.goBackwards ? 2 : 0;
    this.#inputDropout = dropoutOf(`${this.name}_dropout`, args.dropout, this.#seed, first);
    this.#recurrentDropout = dropoutOf(`${this.name}_recurrent_dropout`, args.recurrentDropout, this.#seed, first + 1);
  }

  /** The computation of one step. */
  protected abstract readonly recurrentCell: RecurrentCell;

  /** The cell's bias in the form that the kernels take. */
  protected biases(bias: tf.Tensor | undefined, width: number): Pick<SequenceWeights, 'bias' | 'recurrentBias'> {
    return { bias: bias ?? tf.zeros([width]) };
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[] {
    assertSupported(this.name, kwargs, { constants: [] });
    const { mask, training = false, initialState } = kwargs as CallArguments;
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      const initialStates = this.#initialStates(x, initialState);
      const { outputs, states } = this.#run(x, initialStates, Array.isArray(mask) ? mask[0] : mask, training);
      if (this.stateful) this.resetStates([...states], training);
      const output = this.returnSequences ? tf.transpose(outputs, [1, 0, 2]) : states[0]!;
      return this.returnState ? [output, ...states] : output;
    });
  }

  #run(
    x: tf.Tensor,
    initialStates: readonly tf.Tensor[],
    mask: tf.Tensor | null | undefined,
    training: boolean,
  ): SequenceOutputs {
    const ordered = (timeMajor: tf.Tensor) => (this.goBackwards ? tf.reverse(timeMajor, 0) : timeMajor);
    const dropped = (layer: Dropout | undefined, width: number) =>
      layer && training ? layer.call(tf.ones([x.shape[0]!, width]), { training }) : undefined;
    const steps = ordered(tf.transpose(x, [1, 0, 2]));
    const inputDropout = dropped(this.#inputDropout, x.shape[2]!);
    const input = inputDropout ? tf.mul(steps, inputDropout) : steps;
    const recurrentDropout = dropped(this.#recurrentDropout, initialStates[0]!.shape[1]!);
    const stepMask = mask ? ordered(tf.transpose(tf.cast(mask, 'float32'), [1, 0])) : undefined;
    const sequence = { x: input, weights: { ...this.#weights() }, initialStates, mask: stepMask, recurrentDropout };
    const { outputs, states } = cellSequence(this.recurrentCell, sequence);
    const isZeroed = stepMask !== undefined && this.zeroOutputForMask;
    return { outputs: isZeroed ? tf.mul(outputs, tf.expandDims(stepMask, 2)) : outputs, states };
  }

  #weights(): SequenceWeights {
    const { kernel, recurrentKernel, bias } = this.cell as unknown as CellWeights;
    const read = { kernel: kernel.read(), recurrentKernel: recurrentKernel.read() };
    return { ...read, ...this.biases(bias?.read(), read.kernel.shape[1]!) };
  }

  /** The penalties of the weights' regularizers, which TensorFlow.js leaves out of an RNN's losses. */
  override get losses() {
    return this.cell.losses;
  }

  /** Makes the weights. TensorFlow.js's LSTM cell leaves the parts of its first bias undisposed. */
  override build(inputShape: Parameters<RNN['build']>[0]): void {
    tf.tidy(() => super.build(inputShape));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), seed: this.#seed, zeroOutputForMask: this.zeroOutputForMask };
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new cls(config);
  }

  #initialStates(x: tf.Tensor, given: readonly tf.Tensor[] | undefined): readonly tf.Tensor[] {
    const sizes = [this.cell.stateSize].flat();
    const states = given ?? (this.stateful ? this.states : sizes.map((size) => tf.zeros([x.shape[0]!, size])));
    if (states.length === sizes.length) return states;
    throw new Error(
      `${this.name}: initialState has ${states.length} tensors; give ${sizes.length}, each [batch, units]`,
    );
  }
}

/**
 * Fills in Keras's defaults.
 * @throws Error naming an argument that is not supported
 */
export function checkedRecurrentArgs<Args extends RecurrentLayerArgs>(
  layer: string,
  args: Args,
  supported: Readonly<Record<string, readonly unknown[]>>,
): Args {
  assertSupported(layer, args, {
    ...{ dropoutFunc: [], activityRegularizer: [], weights: [], timeMajor: [false] },
    ...supported,
  });
  return { kernelInitializer: 'glorotUniform', ...args };
}

/** The layer that draws the k-th of a layer's dropout masks; undefined if the rate is zero. */
function dropoutOf(name: string, rate: number | undefined, seed: number, k: number): Dropout | undefined {
  if (!rate) return undefined;
  return new Dropout({ name, rate, seed: (seed + k * 0x9e3779b9) % Number.MAX_SAFE_INTEGER });
}
