/** A recurrent language model of stacked cells as an object; see `held-language-model.ts`. */
import * as tf from '@tensorflow/tfjs-core';
import type { StackedCell } from '../recurrent/cells.js';
import { outputDim } from '../recurrent/network-config.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { HeldLanguageModel, type InitialValues } from './held-language-model.js';
import { hasCellState, isRwkv7, languageModelConfig } from './language-model-config.js';

export type RnnLanguageModelOptions = Parameters<typeof languageModelConfig>[0] &
  InitialValues & { readonly cell?: StackedCell };

/** The recurrent state after the text read so far. */
export type LanguageModelState = {
  /** [layers, batch, output]: projectionDim if there is one, else hiddenDim */
  readonly hidden: tf.Tensor3D;
  /** [layers, batch, hiddenDim]; lstm and cifg only */
  readonly cell?: tf.Tensor3D;
};

/**
 * @example
 * const model = new RnnLanguageModel({ vocabSize: 10_000, embeddingDim: 256, hiddenDim: 512, cell: 'lstm' });
 * const { logits, state } = model.forward(ids); // ids [32, 20] → logits [32, 20, 10000], state.hidden [1, 32, 512]
 * tf.train.adam().minimize(() => model.loss(ids, targets, { training: true, seed: step }));
 */
export class RnnLanguageModel extends HeldLanguageModel<LanguageModelState> {
  /** @throws RangeError naming the option that is out of range */
  constructor({ seed, initRange, ...options }: RnnLanguageModelOptions) {
    const config = languageModelConfig(options);
    if (isRwkv7(config)) throw new RangeError('cell: an rwkv7 is no RnnLanguageModel; take RwkvLanguageModel');
    super(config, { seed, initRange });
  }

  /** The state before any text, all zeros. */
  override initialState(batch: number): LanguageModelState {
    const { layers, hiddenDim } = this.config;
    const zeros = (width: number) => tf.zeros<tf.Rank.R3>([layers, batch, width]);
    const hidden = zeros(outputDim(this.config));
    return hasCellState(this.config) ? { hidden, cell: zeros(hiddenDim) } : { hidden };
  }

  protected override namedState(state: LanguageModelState): NamedTensors {
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

  protected override stateOf(named: NamedTensors): LanguageModelState {
    const layers = [...Array(this.config.layers).keys()];
    const stacked = (kind: 'h' | 'c') => tf.stack(layers.map((layer) => named[`${kind}.${layer}`]!)) as tf.Tensor3D;
    return hasCellState(this.config) ? { hidden: stacked('h'), cell: stacked('c') } : { hidden: stacked('h') };
  }
}
