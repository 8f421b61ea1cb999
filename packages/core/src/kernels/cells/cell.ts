/**
 * A recurrent cell: what one step computes and how its gradient goes back. It knows nothing of sequences, masks and
 * dropout, which `cellSequence` adds to any cell. Rows are [time·batch, width], time-major.
 */
import type * as tf from '@tensorflow/tfjs-core';

/** By name; `kernel` [input, gates·hidden] and `bias` [gates·hidden], of the input projection, are always there. */
export type CellWeights = Readonly<Record<string, tf.Tensor>>;

export interface Cell {
  /** Differs wherever the equations differ: a kernel is registered under it. */
  readonly name: string;

  /** How many states it has, the first of them its output; and how many tensors `forward` reserves. */
  readonly sizes: { readonly states: number; readonly reserve: number };

  readonly forward: (step: CellStep) => {
    /** After the step. */
    readonly states: readonly tf.Tensor[];
    /** What the backward pass needs besides the states, each [batch, width]. */
    readonly reserve: readonly tf.Tensor[];
  };

  /** Prepares, for all steps at once, whatever factor of the gradient does not depend on later steps. */
  readonly backward: (forward: ForwardRows) => CellBackward;
}

export interface CellStep {
  /** x_t·W + b, [batch, gates·hidden] */
  readonly projected: tf.Tensor;
  /** The hidden state as the recurrent product sees it: h_(t−1), some of it dropped where there is dropout. */
  readonly recurrent: tf.Tensor;
  /** The states before the step; the first is h_(t−1). */
  readonly states: readonly tf.Tensor[];
  readonly weights: CellWeights;
}

export interface ForwardRows {
  readonly time: number;
  readonly weights: CellWeights;
  /** `recurrent` of all steps. */
  readonly recurrent: tf.Tensor;
  /** The states before all steps. */
  readonly previousStates: readonly tf.Tensor[];
  /** The states after all steps. Where a step is masked its gradients are zero, and whatever is computed there is lost. */
  readonly states: readonly tf.Tensor[];
  readonly reserve: readonly tf.Tensor[];
}

export interface CellBackward {
  /** Step t backwards, from the gradients of the states after it. */
  readonly step: (
    t: number,
    dStates: readonly tf.Tensor[],
  ) => {
    /** By `projected`. */
    readonly projected: tf.Tensor;
    /** By `recurrent`. */
    readonly recurrent: tf.Tensor;
    /** By the states before the step, apart from what `recurrent` carries; undefined for zero. */
    readonly states: readonly (tf.Tensor | undefined)[];
  };
  /** By the weights other than `kernel` and `bias`, from the gradients of all steps. */
  readonly weights: (gradients: {
    /** By `projected`, [time·batch, gates·hidden] */
    readonly projected: tf.Tensor;
    /** By the step's output, [time·batch, width] */
    readonly outputs: tf.Tensor;
  }) => Readonly<Record<string, () => tf.Tensor>>;
}
