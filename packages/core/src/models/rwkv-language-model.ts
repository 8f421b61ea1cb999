/** An RWKV-7 as an object; see `held-language-model.ts`. */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { HeldLanguageModel, type InitialValues } from './held-language-model.js';
import { languageModelConfig, stateShapes } from './language-model-config.js';

export type RwkvLanguageModelOptions = Omit<Parameters<typeof languageModelConfig>[0], 'cell' | 'embeddingDim'> &
  Pick<InitialValues, 'seed'>;

/** The state after the text read so far, by the names of `stateShapes`. */
export type RwkvState = NamedTensors;

/**
 * @example
 * const model = new RwkvLanguageModel({ vocabSize: 10_000, hiddenDim: 256, layers: 4 });
 * const { logits, state } = model.forward(ids); // ids [32, 20] → logits [32, 20, 10000]
 * tf.train.adam().minimize(() => model.loss(ids, targets, { training: true, seed: step }));
 */
export class RwkvLanguageModel extends HeldLanguageModel<RwkvState> {
  /** @throws RangeError naming the option that is out of range */
  constructor({ seed, ...options }: RwkvLanguageModelOptions) {
    super(languageModelConfig({ ...options, cell: 'rwkv7', embeddingDim: options.hiddenDim }), { seed });
  }

  override initialState(batch: number): RwkvState {
    const shapes = Object.entries(stateShapes(this.config, batch));
    return Object.fromEntries(shapes.map(([name, shape]) => [name, tf.zeros([...shape])]));
  }

  protected override namedState(state: RwkvState): NamedTensors {
    return state;
  }

  protected override stateOf(named: NamedTensors): RwkvState {
    return named;
  }
}
