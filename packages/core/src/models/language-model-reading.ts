/**
 * The decoding step, for any number of tokens in one run, of language models whose gates do not see the state. It reads
 * a prompt or scores a text several times faster than single steps. With one token it is the usual decoding step.
 */
import * as tf from '@tensorflow/tfjs-core';
import { linearAttention } from '../kernels/linear-recurrence/linear-attention.js';
import { minGru } from '../kernels/linear-recurrence/min-gru.js';
import { minLstm } from '../kernels/linear-recurrence/min-lstm.js';
import type { OnnxGraph } from '../onnx/graph.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { asOutputs } from '../tensors/roles.js';
import { withOpenSizes } from '../tracing/open-sizes.js';
import { graphOfProgram } from './graph-of-program.js';
import { type LanguageModelConfig, parameterShapes, stateShapes } from './language-model-config.js';
import { embedTokens, outputLogits } from './language-model-forward.js';
import { float32Inputs, type Program } from './program.js';

/** Whether a model has a graph that reads any number of tokens in one run. */
export function readsManyTokens({ cell }: LanguageModelConfig): boolean {
  return cell === 'mingru' || cell === 'minlstm';
}

/**
 * Reads tokens. Inputs: the parameters, the state, each [1, hidden], and `ids` int32 [tokens]. Outputs: `logits`
 * [tokens, vocab], the scores of the token after each, and `next.*` of the state.
 * @throws RangeError unless {@link readsManyTokens}
 */
export function readingProgram(config: LanguageModelConfig, tokens: number): Program {
  if (!readsManyTokens(config)) {
    throw new RangeError(`a ${config.cell} reads one token after another; take decodingProgram`);
  }
  return {
    inputs: {
      ...float32Inputs(parameterShapes(config)),
      ...float32Inputs(stateShapes(config, 1)),
      ids: { shape: [tokens], dtype: 'int32' },
    },
    run: (inputs) => {
      const ids = tf.reshape<tf.Rank.R2>(inputs.ids!, [tokens, 1]);
      const { features, state } = readFeatures(config, inputs, ids);
      return { ...asOutputs('next', state), logits: outputLogits(config, inputs, features) };
    },
  };
}

/** @param ids int32 [tokens, 1] */
function readFeatures(config: LanguageModelConfig, inputs: NamedTensors, ids: tf.Tensor2D) {
  const unit = config.cell === 'mingru' ? minGru : minLstm;
  const query = tf.cast(tf.greaterEqual(ids, 0), 'float32'); // ones, one for each token
  const state: NamedTensors = {};
  let x: tf.Tensor = embedTokens(inputs, ids); // [tokens, 1, width]
  for (let layer = 0; layer < config.layers; layer++) {
    const parameter = (name: string) => inputs[`${config.cell}.${layer}.${name}`]!;
    const { update, candidate } = unit.gates({ x, kernel: parameter('kernel'), bias: parameter('bias') });
    const { states, last } = linearAttention({ query, update, candidate, initial: inputs[`h.${layer}`]! });
    state[`h.${layer}`] = last;
    x = tf.expandDims(states, 1);
  }
  return { features: tf.squeeze<tf.Tensor2D>(x, [1]), state };
}

/**
 * {@link readingProgram} as an ONNX graph that contains its parameters, with one `LinearAttention` node for each layer;
 * the dimension `tokens` is symbolic.
 * @throws RangeError unless {@link readsManyTokens}
 */
export function languageModelReadingGraph(
  config: LanguageModelConfig,
  parameters: Readonly<Record<string, Float32Array>>,
): OnnxGraph {
  const shapes = parameterShapes(config);
  const trace = ({ tokens }: Readonly<Record<string, number>>) =>
    graphOfProgram(readingProgram(config, tokens!), shapes, parameters);
  return withOpenSizes([{ name: 'tokens' }], trace, new Set(Object.values(shapes).flat()));
}
