// Times the training step of TensorFlow.js's own layers on its cpu backend, the only one on which all of them train
// without a native library. One JSON line: seconds of each of a few steps, and the process's peak memory.
//   usage: tensorflow.mjs CONFIGURATION
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';

const steps = 3;
const [name] = process.argv.slice(2);
const configurations = JSON.parse(readFileSync(new URL('configurations.json', import.meta.url), 'utf8'));
const { cell, vocabSize, embeddingDim, hiddenDim, layers, batch, time } = configurations[name];
await tf.setBackend('cpu');

const recurrent = { rnn: tf.layers.simpleRNN, lstm: tf.layers.lstm, gru: tf.layers.gru }[cell];
const uniform = tf.initializers.randomUniform({ minval: -0.1, maxval: 0.1, seed: 1 });
const model = tf.sequential({
  layers: [
    tf.layers.embedding({ inputDim: vocabSize, outputDim: embeddingDim, inputLength: time }),
    // The default, an orthogonal matrix, takes minutes at these sizes.
    ...Array.from({ length: layers }, () =>
      recurrent({ units: hiddenDim, returnSequences: true, recurrentInitializer: uniform }),
    ),
    tf.layers.dense({ units: vocabSize, activation: 'softmax' }),
  ],
});
model.compile({ optimizer: tf.train.sgd(0.1), loss: 'sparseCategoricalCrossentropy' });
const ids = tf.tensor2d(
  Int32Array.from({ length: batch * time }, (_, k) => (k * 7919) % vocabSize),
  [batch, time],
);
// These layers accept class ids only as floats.
const labels = tf.cast(tf.reshape(ids, [batch, time, 1]), 'float32');
await model.trainOnBatch(ids, labels);
const seconds = [];
while (seconds.length < steps) {
  const start = performance.now();
  await model.trainOnBatch(ids, labels);
  seconds.push((performance.now() - start) / 1000);
}
console.log(JSON.stringify({ seconds, peakMegabytes: process.resourceUsage().maxRSS / 1024 }));
