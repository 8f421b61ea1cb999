/** The programs with which a device translates a sentence, one token at a time; `translation.ts` has the model. */
import * as tf from '@tensorflow/tfjs-core';
import { longestSource } from '../decoding/translation.js';
import { embeddingLookup } from '../kernels/embedding/lookup.js';
import { stepFromBothEnds } from '../recurrent/both-ends.js';
import { recurrentStateShapes } from '../recurrent/network-config.js';
import { asOutputs } from '../tensors/roles.js';
import type { TranslationConfig } from './application-configs.js';
import { forwardProgram } from './loss-program.js';
import { float32Inputs, type Program } from './program.js';
import { decode, encoderOf, initialHidden, translationParameterShapes } from './translation.js';

/**
 * One step through the source from both its ends. Inputs: `ids` int32 [2] and the states `h.0`, `c.0`, `h.0_reverse`,
 * `c.0_reverse` [1, hidden], zero at first. Outputs: `next.*` of the states and `initial`; after the last step it is
 * the decoder's first hidden state.
 */
export function encoderStepProgram(config: TranslationConfig): Program {
  const encoder = encoderOf(config);
  const inputs = { ids: { shape: [2], dtype: 'int32' as const }, ...float32Inputs(recurrentStateShapes(encoder, 1)) };
  return forwardProgram(translationParameterShapes(config), inputs, (parameters, given) => {
    const embedded = embeddingLookup(parameters['embedding.embeddings'] as tf.Tensor2D, given.ids!);
    const state = stepFromBothEnds(encoder, parameters, embedded, given);
    return { ...asOutputs('next', state), initial: initialHidden(parameters, state['h.0_reverse']!) };
  });
}

/**
 * One step of the decoder. Inputs: `ids` int32 [1], the state `h.0` and `c.0` [1, hidden], `memory` [longestSource,
 * 2·hidden] and `mask` [1, longestSource]. Outputs: `logits` [1, vocab] and `next.*` of the state.
 */
export function decoderStepProgram(config: TranslationConfig): Program {
  const { embeddingDim, hiddenDim } = config;
  const shapes = {
    ...{ 'h.0': [1, hiddenDim], 'c.0': [1, hiddenDim] },
    ...{ memory: [longestSource, 2 * hiddenDim], mask: [1, longestSource] },
  };
  const inputs = { ids: { shape: [1], dtype: 'int32' as const }, ...float32Inputs(shapes) };
  return forwardProgram(translationParameterShapes(config), inputs, (parameters, given) => {
    const table = parameters['embedding.embeddings'] as tf.Tensor2D;
    const { features, state } = decode(config, parameters, {
      y: tf.reshape(embeddingLookup(table, given.ids!), [1, 1, embeddingDim]),
      state: Object.fromEntries(decoderStateNames.map((name) => [name, given[name]!])),
      memory: tf.expandDims(given.memory as tf.Tensor2D, 0),
      mask: given.mask as tf.Tensor2D,
    });
    const logits = tf.add(tf.matMul(features, table, false, true), parameters['output.bias']!);
    return { ...asOutputs('next', state), logits };
  });
}

const decoderStateNames = ['h.0', 'c.0'];
