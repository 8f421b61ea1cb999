// Times a training step of an LSTM over long sequences, with the activations of all steps kept or of some steps at a
// time. One JSON line: the process's peak memory in MB, its memory before the model was made, tokens per second of the
// fastest step, the last loss.
//   usage: train.mjs TIME EVERY      (EVERY equal to TIME keeps all)
import { languageModelConfig, parameterShapes, uniformParameters } from '@unroll/core';
import { trainableLanguageModel } from '@unroll/core/internal';
import { selectEngine } from '@unroll/trainer';
import { LaneBatches } from '../../packages/trainer/dist/data/batches.js';
import { LanguageModelBatches } from '../../packages/trainer/dist/training/language-model/language-model-batches.js';
import { createLocalLearner } from '../../packages/trainer/dist/training/learners/local-learner.js';

const [time, recomputeEvery] = process.argv.slice(2).map(Number);
const [lanes, steps, vocabSize] = [16, 3, 256];
const config = languageModelConfig({ vocabSize, embeddingDim: 256, hiddenDim: 512 });
const model = trainableLanguageModel(config, { recomputeEvery });
const training = {
  ...{
    batchSize: lanes,
    sequenceLength: time,
    seed: 1,
    clipNorm: 1,
    lossNormalization: 'token',
  },
  ...{ accumulate: 1, precision: 'float32', mode: { name: 'sync' }, gradientCodec: { name: 'float32' } },
  optimizer: { name: 'sgd' },
};
const text = Int32Array.from({ length: lanes * time * (steps + 1) + 1 }, (_, k) => (k * k) % vocabSize);
const batchesOf = (slice) =>
  new LanguageModelBatches({
    ...{ model: config, training, lanes: slice },
    text: new LaneBatches(text, { lanes, window: time, slice }),
  });
const idleMB = Math.round(process.resourceUsage().maxRSS / 1000);
const parameters = uniformParameters(parameterShapes(config), { seed: 1, range: 0.05 });
const engine = await selectEngine('onnxruntime', 2);
const learner = await createLocalLearner({ engine, model, training, batchesOf }, { step: 0, parameters });
const compiledMB = Math.round(process.resourceUsage().maxRSS / 1000);
const seconds = [];
let loss = 0;
for (let step = 0; step < steps; step++) {
  const began = performance.now();
  const [made] = await learner.step([{ learningRate: 1 }]);
  seconds.push((performance.now() - began) / 1000);
  loss = made.lossSum / made.count;
}
await learner.dispose();
const tokensPerSecond = Math.round((lanes * time) / Math.min(...seconds));
const peakMB = Math.round(process.resourceUsage().maxRSS / 1000);
console.log(JSON.stringify({ time, recomputeEvery, idleMB, compiledMB, peakMB, tokensPerSecond, loss }));
