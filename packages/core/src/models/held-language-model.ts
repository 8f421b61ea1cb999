/**
 * A language model as an object that holds its parameters, for use from TensorFlow.js code. Training on many machines
 * and export use the pure functions that it wraps.
 */
import * as tf from '@tensorflow/tfjs-core';
import { sparseSoftmaxCrossEntropy } from '../kernels/softmax-cross-entropy/sparse.js';
import { outputDim } from '../recurrent/network-config.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { dropoutMaskShapes, fillDropoutMasks } from './dropout-masks.js';
import { initialParameters } from './initial-parameters.js';
import { type LanguageModelConfig, parameterShapes } from './language-model-config.js';
import { embedTokens, outputLogits, recurrentFeatures } from './language-model-forward.js';

/**
 * In training, units are dropped at the model's rate; `seed` determines which ones, so give each step a different seed.
 */
export type LanguageModelMode = { readonly training?: false } | { readonly training: true; readonly seed: number };

/** The values from which parameters start. */
export interface InitialValues {
  /** Seed from which the parameters are drawn; default 0. */
  readonly seed?: number | undefined;
  /** Parameters are drawn uniformly from ±initRange; default 1/√hiddenDim. */
  readonly initRange?: number | undefined;
}

/** What {@link RnnLanguageModel} and {@link RwkvLanguageModel} share. `State` is the state after the text read so far. */
export abstract class HeldLanguageModel<State extends tf.TensorContainerObject> {
  readonly config: LanguageModelConfig;
  /** Variables by the names of `parameterShapes`. */
  readonly parameters: Readonly<Record<string, tf.Variable>>;

  protected constructor(config: LanguageModelConfig, { seed = 0, initRange }: InitialValues) {
    this.config = config;
    const shapes = parameterShapes(config);
    const values = initialParameters(config, { seed, ...(initRange === undefined ? {} : { range: initRange }) });
    this.parameters = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        tf.tidy(() => tf.variable(tf.tensor(values[name]!, [...shape]))),
      ]),
    );
  }

  /** The state before any text, all zeros. */
  abstract initialState(batch: number): State;

  /** A state by the names of `stateShapes`. */
  protected abstract namedState(state: State): NamedTensors;

  protected abstract stateOf(named: NamedTensors): State;

  /**
   * Scores the next token after each of `ids`.
   * @param ids int32 [batch, time]
   * @param state the state that the previous call returned, to continue its sequences; default zeros
   * @returns `logits` [batch, time, vocab] and the state after the last token
   */
  forward(ids: tf.Tensor2D, state?: State, mode: LanguageModelMode = {}): { logits: tf.Tensor3D; state: State } {
    const [batch, time] = ids.shape;
    return tf.tidy(() => {
      const { features, state: last } = recurrentFeatures(
        this.config,
        this.parameters,
        embedTokens(this.parameters, tf.transpose(ids)),
        this.namedState(state ?? this.initialState(batch)),
        this.#dropoutMasks(ids, mode),
      );
      const width = outputDim(this.config);
      const batchMajor = tf.transpose(tf.reshape(features, [time, batch, width]), [1, 0, 2]);
      const rows = outputLogits(this.config, this.parameters, tf.reshape(batchMajor, [batch * time, width]));
      const logits: tf.Tensor3D = tf.reshape(rows, [batch, time, this.config.vocabSize]);
      return { logits, state: this.stateOf(last) };
    });
  }

  /**
   * The mean cross-entropy of `targets`, in nats per token; each sequence starts from a state of zeros. Differentiable.
   * @param ids int32 [batch, time]
   * @param targets int32 [batch, time], the next tokens
   */
  loss(ids: tf.Tensor2D, targets: tf.Tensor2D, mode: LanguageModelMode = {}): tf.Scalar {
    return tf.tidy(() => {
      const { logits } = this.forward(ids, undefined, mode);
      const rows = tf.reshape<tf.Rank.R2>(logits, [ids.size, this.config.vocabSize]);
      return tf.mean(sparseSoftmaxCrossEntropy(rows, tf.reshape<tf.Rank.R1>(targets, [ids.size])));
    });
  }

  /** Frees the parameters. */
  dispose(): void {
    tf.dispose({ ...this.parameters });
  }

  /** @param ids int32 [batch, time] */
  #dropoutMasks(ids: tf.Tensor2D, mode: LanguageModelMode): NamedTensors {
    const [lanes, time] = ids.shape;
    if (!mode.training) return {};
    const shapes = dropoutMaskShapes(this.config, lanes, time);
    const masks = Object.fromEntries(
      Object.entries(shapes).map(([name, [rows = 0, width = 0]]) => [name, new Float32Array(rows * width)]),
    );
    const tokens = this.config.embeddingDropout ? (tf.transpose(ids).dataSync() as Int32Array) : new Int32Array(0);
    fillDropoutMasks(this.config, masks, { ids: tokens, seed: mode.seed, step: 0, firstLane: 0, lanes, time });
    return Object.fromEntries(Object.entries(masks).map(([name, mask]) => [name, tf.tensor(mask, [...shapes[name]!])]));
  }
}
