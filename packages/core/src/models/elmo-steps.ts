/** ELMo word by word, for sentences of any length: `decoding/elmo.ts` runs these programs in turn. */
import * as tf from '@tensorflow/tfjs-core';
import { asOutputs } from '../tensors/roles.js';
import { stackedLstms } from './elmo.js';
import { type ElmoConfig, elmoParameterShapes, elmoStateShapes } from './elmo-config.js';
import { wordVectors } from './elmo-words.js';
import { forwardProgram } from './loss-program.js';
import { float32Inputs, type Program } from './program.js';

/** Computes the vectors of words: takes `characters` int32 [words, maxCharacters], outputs `vectors` [words, projectionDim]. */
export function elmoWordsProgram(config: ElmoConfig, words: number): Program {
  const inputs = { characters: { shape: [words, config.maxCharacters], dtype: 'int32' } } as const;
  return forwardProgram(partOf(config, false), inputs, (parameters, { characters }) => ({
    vectors: wordVectors(config, parameters, characters as tf.Tensor2D),
  }));
}

/**
 * One step of both directions, which read different words of a sentence. Inputs: `forward` and `backward`, the words'
 * vectors [batch, projectionDim], and the state. Outputs: `outputs.forward` and `outputs.backward`, each
 * [layers, batch, projectionDim], and `next.*` of the state.
 */
export function elmoStepProgram(config: ElmoConfig, batch: number): Program {
  const width = config.projectionDim;
  const vectors = { forward: [batch, width], backward: [batch, width] };
  const inputs = float32Inputs({ ...vectors, ...elmoStateShapes(config, batch) });
  return forwardProgram(partOf(config, true), inputs, (parameters, given) => {
    const sides = (['forward', 'backward'] as const).map((direction) => {
      const x = tf.reshape(given[direction]!, [1, batch, width]);
      return stackedLstms(config, direction, parameters, { x, state: given });
    });
    const [forward, backward] = sides.map(({ outputs }) => tf.concat([...outputs]));
    return {
      ...{ 'outputs.forward': forward!, 'outputs.backward': backward! },
      ...asOutputs('next', Object.assign({}, ...sides.map(({ state }) => state))),
    };
  });
}

/** The shapes of the parameters of the LSTMs, or of those that read characters. */
function partOf(config: ElmoConfig, recurrent: boolean) {
  const shapes = Object.entries(elmoParameterShapes({ ...config, vocabSize: undefined }));
  return Object.fromEntries(shapes.filter(([name]) => /^(forward|backward)\./.test(name) === recurrent));
}
