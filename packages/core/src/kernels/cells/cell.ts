/**
 * A recurrent cell: what one step computes, and how gradients pass back through it. `cellSequence` adds sequences,
 * masks and dropout to any cell. Rows are [time·batch, width], time-major.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { ActivationName } from './activations.js';

/**
 * Weights by name. Every cell has the weights of the input projection: `kernel` [input, gates·hidden] and `bias`
 * [gates·hidden].
 */
export type CellWeights = Readonly<Record<string, tf.Tensor>>;

/** An operator of ONNX that runs a cell over a sequence. */
export interface CellOperator {
  readonly opType: 'LSTM' | 'GRU' | 'RNN';
  /** The activations in the operator's order; for LSTM and GRU the gates', then the candidate's. */
  readonly activations: readonly ActivationName[];
  /** The operator's gates, as positions in our order. */
  readonly gates: readonly number[];
}

export interface RecurrentCell {
  /** Unique for each set of equations, because a kernel is registered under it. */
  readonly name: string;

  /** The operator, if ONNX has one with the same equations. */
  readonly operator?: CellOperator;

  /** Number of states, the first of which is the output, and number of tensors that `forward` reserves. */
  readonly sizes: { readonly states: number; readonly reserve: number };

  /** Prepares the weights, once for all steps. Returns the function that makes a step. */
  readonly forward: (weights: CellWeights) => (step: CellStep) => {
    /** The states after the step. */
    readonly states: readonly tf.Tensor[];
    /** Tensors that the backward pass needs besides the states, each [batch, width]. */
    readonly reserve: readonly tf.Tensor[];
  };

  /** Prepares, for all steps at once, the factors of the gradient that do not depend on later steps. */
  readonly backward: (forward: ForwardRows) => CellBackward;
}

export interface CellStep {
  /** x_t·W + b, [batch, gates·hidden] */
  readonly projected: tf.Tensor;
  /** The hidden state that enters the recurrent product: h_(t−1), with dropout applied if there is any. */
  readonly recurrent: tf.Tensor;
  /** The states before the step; the first is h_(t−1). */
  readonly states: readonly tf.Tensor[];
}

export interface ForwardRows {
  readonly time: number;
  readonly weights: CellWeights;
  /** `recurrent` of all steps, [time·batch, width]. */
  readonly recurrent: tf.Tensor;
  /** The states before each step. */
  readonly previousStates: readonly tf.Tensor[];
  /** The states after each step. The gradients of a masked step are zero, so its values do not matter. */
  readonly states: readonly tf.Tensor[];
  readonly reserve: readonly tf.Tensor[];
}

export interface CellBackward {
  /** Goes back through step t, from the gradients of the states after it. */
  readonly step: (
    t: number,
    dStates: readonly tf.Tensor[],
  ) => {
    /** Gradient with respect to the gates before their activations, [batch, gates·hidden]. */
    readonly gates: tf.Tensor;
    /** Gradient with respect to `recurrent`. */
    readonly recurrent: tf.Tensor;
    /**
     * Gradients with respect to the states before the step, without the part that passes through `recurrent`; undefined
     * means zero.
     */
    readonly states: readonly (tf.Tensor | undefined)[];
  };
  /** Computes what does not have to wait for a later step, for all steps at once. */
  readonly rows: (gradients: BackwardRows) => {
    /** Gradient with respect to `projected`, [time·batch, gates·hidden]. */
    readonly projected: tf.Tensor;
    /** Gradients with respect to the weights other than `kernel` and `bias`. */
    readonly weights: Readonly<Record<string, () => tf.Tensor>>;
  };
}

/** The gradients of all steps; each is put together when it is asked for. */
export interface BackwardRows {
  /** `gates` of all steps, [time·batch, gates·hidden]. */
  readonly gates: () => tf.Tensor;
  /** Gradient with respect to the output of each step, [time·batch, width]. */
  readonly outputs: () => tf.Tensor;
}
