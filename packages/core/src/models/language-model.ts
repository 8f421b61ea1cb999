/**
 * A recurrent language model as an object that holds its parameters, for use from TensorFlow.js code. Training on many
 * machines and export use the pure functions that it wraps.
 */
import * as tf from '@tensorflow/tfjs-core';
import { sparseSoftmaxCrossEntropy } from '../kernels/softmax-cross-entropy/sparse.js';
import { outputDim } from '../recurrent/network-config.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { dropoutMaskShapes, fillDropoutMasks } from './dropout-masks.js';
import { initialParameters } from './initial-parameters.js';
import {
  hasCellState,
  type LanguageModelConfig,
  languageModelConfig,
  parameterShapes,
} from './language-model-config.js';
import { embedTokens, outputLogits, recurrentFeatures } from './language-model-forward.js';

export type RnnLanguageModelOptions = Parameters<typeof languageModelConfig>[0] & {
  /** Seed from which the parameters are drawn; default 0. */
  readonly seed?: number;
  /** Parameters are drawn uniformly from ±initRange; default 1/√hiddenDim. */
  readonly initRange?: number;
};

/** The recurrent state after the text read so far. */
export type LanguageModelState = {
  /** [layers, batch, output]: projectionDim if there is one, else hiddenDim */
  readonly hidden: tf.Tensor3D;
  /** [layers, batch, hiddenDim]; lstm and cifg only */
  readonly cell?: tf.Tensor3D;
};

/**
 * In training, units are dropped at the model's rate; `seed` determines which ones, so give each step a different seed.
 */
export type LanguageModelMode = { readonly training?: false } | { readonly training: true; readonly seed: number };

/**
 * @example
 * const model = new RnnLanguageModel({ vocabSize: 10_000, embeddingDim: 256, hiddenDim: 512, cell: 'lstm' });
 * const { logits, state } = model.forward(ids); // ids [32, 20] → logits [32, 20, 10000], state.hidden [1, 32, 512]
 * tf.train.adam().minimize(() => model.loss(ids, targets, { training: true, seed: step }));
 */
export class RnnLanguageModel {
  readonly config: LanguageModelConfig;
  /** Variables by the names of `parameterShapes`. */
  readonly parameters: Readonly<Record<string, tf.Variable>>;

  /** @throws RangeError naming the option that is out of range */
  constructor({ seed = 0, initRange, ...options }: RnnLanguageModelOptions) {
    this.config = languageModelConfig(options);
    const shapes = parameterShapes(this.config);
    const values = initialParameters(this.config, { seed, ...(initRange === undefined ? {} : { range: initRange }) });
    this.parameters = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        tf.tidy(() => tf.variable(tf.tensor(values[name]!, [...shape]))),
      ]),
    );
  }

  /** The state before any text, all zeros. */
  initialState(batch: number): LanguageModelState {
    const { layers, hiddenDim } = this.config;
    const zeros = (width: number) => tf.zeros<tf.Rank.R3>([layers, batch, width]);
    const hidden = zeros(outputDim(this.config));
    return hasCellState(this.config) ? { hidden, cell: zeros(hiddenDim) } : { hidden };
  }

  /**
   * Scores the next token after each of `ids`.
   * @param ids int32 [batch, time]
   * @param state the state that the previous call returned, to continue its sequences; default zeros
   * @returns `logits` [batch, time, vocab] and the state after the last token
   */
  forward(
    ids: tf.Tensor2D,
    state?: LanguageModelState,
    mode: LanguageModelMode = {},
  ): { logits: tf.Tensor3D; state: LanguageModelState } {
    const [batch, time] = ids.shape;
    return tf.tidy(() => {
      const { features, state: last } = recurrentFeatures(
        this.config,
        this.parameters,
        embedTokens(this.parameters, tf.transpose(ids)),
        this.#statesByName(state ?? this.initialState(batch)),
        this.#dropoutMasks(ids, mode),
      );
      const width = outputDim(this.config);
      const batchMajor = tf.transpose(tf.reshape(features, [time, batch, width]), [1, 0, 2]);
      const rows = outputLogits(this.config, this.parameters, tf.reshape(batchMajor, [batch * time, width]));
      const logits: tf.Tensor3D = tf.reshape(rows, [batch, time, this.config.vocabSize]);
      return { logits, state: this.#stackedState(last) };
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

  #statesByName(state: LanguageModelState): NamedTensors {
    const named: NamedTensors = {};
    tf.unstack(state.hidden).forEach((hidden, layer) => {
      named[`h.${layer}`] = hidden;
    });
    if (!hasCellState(this.config)) return named;
    if (!state.cell) throw new Error("this model's state needs `cell` beside `hidden`; start from initialState()");
    tf.unstack(state.cell).forEach((cell, layer) => {
      named[`c.${layer}`] = cell;
    });
    return named;
  }

  #stackedState(named: NamedTensors): LanguageModelState {
    const layers = [...Array(this.config.layers).keys()];
    const stacked = (kind: 'h' | 'c') => tf.stack(layers.map((layer) => named[`${kind}.${layer}`]!)) as tf.Tensor3D;
    return hasCellState(this.config) ? { hidden: stacked('h'), cell: stacked('c') } : { hidden: stacked('h') };
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
