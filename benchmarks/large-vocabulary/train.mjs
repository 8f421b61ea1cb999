// Times a training step of a language model of many words, with one kind of softmax, on a synthetic text that follows
// Zipf's law. One JSON line: tokens per second of the fastest step, millions of parameters, and the process's peak
// memory in MB.
//   usage: train.mjs full|sampled|adaptive WORDS STEPS
import { languageModelConfig, parameterShapes } from '@unroll/core';
import { seededRandom } from '@unroll/core/decoding';
import { trainableLanguageModel } from '@unroll/core/internal';
import { selectEngine } from '@unroll/trainer';
import { LaneBatches } from '../../packages/trainer/dist/data/batches.js';
import { LanguageModelBatches } from '../../packages/trainer/dist/training/language-model/language-model-batches.js';
import { parseSoftmax } from '../../packages/trainer/dist/training/language-model/softmax.js';
import { createLocalLearner } from '../../packages/trainer/dist/training/learners/local-learner.js';

const [kind, words, stepCount] = process.argv.slice(2);
const [vocabSize, steps, lanes, time] = [Number(words), Number(stepCount), 16, 20];
const config = languageModelConfig({ vocabSize, embeddingDim: 128, hiddenDim: 256, softmax: parseSoftmax(kind) });
const model = trainableLanguageModel(config);
const training = {
  ...{ batchSize: lanes, sequenceLength: time, seed: 1, clipNorm: 1, lossNormalization: 'token' },
  ...{ accumulate: 1, precision: 'float32', mode: { name: 'sync' }, gradientCodec: { name: 'float32' } },
  optimizer: { name: 'sgd' },
};

/** Draws words by Zipf's law: the logarithm of the rank is uniform. */
function zipfText(length) {
  const random = seededRandom(1);
  return Int32Array.from({ length }, () => Math.min(Math.floor((vocabSize + 1) ** random()) - 1, vocabSize - 1));
}

/** Returns values that are cheap to make; the measurements do not depend on them. */
function startOf(size) {
  const values = new Float32Array(size);
  for (let k = 0; k < size; k++) values[k] = (((k * 31) % 1021) / 1021 - 0.5) / 10;
  return values;
}

const parameters = Object.fromEntries(
  Object.entries(parameterShapes(config)).map(([name, shape]) => [name, startOf(shape.reduce((a, b) => a * b, 1))]),
);
const text = zipfText(lanes * time * (steps + 2) + 1);
const batchesOf = (slice) =>
  new LanguageModelBatches({
    ...{ model: config, training, lanes: slice },
    text: new LaneBatches(text, { lanes, window: time, slice }),
  });
const engine = await selectEngine('onnxruntime', 2);
const learner = await createLocalLearner({ engine, model, training, batchesOf }, { step: 0, parameters });
const seconds = [];
for (let step = 0; step <= steps; step++) {
  const began = performance.now();
  await learner.step([{ learningRate: 0.1 }]);
  seconds.push((performance.now() - began) / 1000);
}
await learner.dispose();
const count = Object.values(parameters).reduce((sum, { length }) => sum + length, 0);
const tokensPerSecond = Math.round((lanes * time) / Math.min(...seconds.slice(1)));
const peakMB = Math.round(process.resourceUsage().maxRSS / 1000);
console.log(
  JSON.stringify({ kind, vocabSize, tokensPerSecond, parametersM: Number((count / 1e6).toFixed(1)), peakMB }),
);
