/**
 * Base of MinGRU and MinLSTM: a layer in Keras's manner that runs a whole sequence through a kernel without recurrent
 * weights. It extends Dense, because its weights are those of a Dense layer as wide as all gates. It neither takes nor
 * returns states.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { DenseLayerArgs } from '@tensorflow/tfjs-layers/dist/layers/core.js';
import type { MinimalSequence } from '../kernels/linear-recurrence/minimal-unit.js';
import { assertSupported } from './supported-arguments.js';
import { TensorFlowDense } from './tensorflow-layers.js';

export type MinimalLayerArgs = Omit<DenseLayerArgs, 'activation' | 'activityRegularizer'> & {
  /** Whether to output every step rather than the last one; default false. */
  readonly returnSequences?: boolean;
  /** Whether to read the sequence from its end and output in that order; default false. */
  readonly goBackwards?: boolean;
  /**
   * Whether masked steps output zeros, as in `Bidirectional`; by default they repeat the output of the step before.
   */
  readonly zeroOutputForMask?: boolean;
};

/**
 * Input [batch, time, features]; output [batch, units], or [batch, time, units] with `returnSequences`. Where a mask
 * [batch, time] is zero, the state stays unchanged. The step repeats the output before it, or outputs zeros with
 * `zeroOutputForMask`.
 */
export abstract class MinimalLayer extends TensorFlowDense {
  readonly returnSequences: boolean;
  readonly goBackwards: boolean;
  zeroOutputForMask: boolean;
  /** Read by TensorFlow.js's Bidirectional. */
  readonly returnState = false;
  readonly #units: number;
  readonly #sequence: MinimalSequence;

  protected constructor(layer: string, args: MinimalLayerArgs, gates: number, sequence: MinimalSequence) {
    const unsupported = { activation: ['linear'], activityRegularizer: [], returnState: [false], stateful: [false] };
    assertSupported(layer, args, unsupported);
    super({ kernelInitializer: 'glorotUniform', ...args, units: gates * args.units });
    this.returnSequences = args.returnSequences ?? false;
    this.goBackwards = args.goBackwards ?? false;
    this.zeroOutputForMask = args.zeroOutputForMask ?? false;
    this.#units = args.units;
    this.#sequence = sequence;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    assertSupported(this.name, kwargs, { initialState: [] });
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      const ordered = (steps: tf.Tensor) => (this.goBackwards ? tf.reverse(steps, 0) : steps);
      const mask = [kwargs.mask as tf.Tensor | tf.Tensor[] | null | undefined].flat()[0];
      const [kernel, bias] = this.weights.map((weight) => weight.read());
      const stepMask = mask ? ordered(tf.transpose(tf.cast(mask, 'float32'), [1, 0])) : undefined;
      const { outputs, hidden } = this.#sequence({
        x: ordered(tf.transpose(x, [1, 0, 2])),
        kernel: kernel!,
        bias: bias ?? tf.zeros([kernel!.shape[1]!]),
        initialHidden: tf.zeros([x.shape[0]!, this.#units]),
        ...(stepMask && { mask: stepMask }),
      });
      if (!this.returnSequences) return hidden;
      const isZeroed = stepMask !== undefined && this.zeroOutputForMask;
      return tf.transpose(isZeroed ? tf.mul(outputs, tf.expandDims(stepMask, 2)) : outputs, [1, 0, 2]);
    });
  }

  override computeOutputShape(inputShape: (number | null)[] | (number | null)[][]): (number | null)[] {
    const [batch = null, time = null] = inputShape as (number | null)[];
    return this.returnSequences ? [batch, time, this.#units] : [batch, this.#units];
  }

  override computeMask(_inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return (this.returnSequences ? [mask].flat()[0] : null) as tf.Tensor;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { returnSequences, goBackwards, zeroOutputForMask } = this;
    return { ...super.getConfig(), units: this.#units, returnSequences, goBackwards, zeroOutputForMask };
  }
}
