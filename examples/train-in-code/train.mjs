// Trains a small character model in code, with layers of @unroll/core in a TensorFlow.js model, and lets it write:
//   node examples/train-in-code/train.mjs
// Its seeds are fixed, so it writes the same text each time. docs/training.md explains training by the command line, at
// native speed.
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { Embedding, GRU, Linear, sparseSoftmaxCrossEntropy } from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';

const text = `Humpty Dumpty sat on a wall,
Humpty Dumpty had a great fall.
All the king's horses and all the king's men
Couldn't put Humpty together again.
`;
const time = 32; // characters of a training sequence
const batch = 8;
const steps = 150;

const require = createRequire(import.meta.url);
setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
await tf.setBackend('wasm');

const tokenizer = trainTokenizer('char', text);
const ids = tokenizer.encode(text);
const { vocabSize } = tokenizer;
const seeded = (seed) => tf.initializers.glorotUniform({ seed });
const model = tf.sequential({
  layers: [
    new Embedding({
      inputDim: vocabSize,
      outputDim: 16,
      batchInputShape: [null, null],
      embeddingsInitializer: seeded(1),
    }),
    new GRU({
      units: 64,
      returnSequences: true,
      kernelInitializer: seeded(2),
      recurrentInitializer: seeded(3),
    }),
    new Linear({ units: vocabSize, kernelInitializer: seeded(4) }),
  ],
});

/** Sequences from many places of the text, [batch, time], and the character after each of their characters. */
function sequences(step) {
  const starts = Array.from({ length: batch }, (_, lane) => ((step * batch + lane) * 17) % (ids.length - time));
  const from = (shift) => starts.flatMap((start) => [...ids.slice(start + shift, start + shift + time)]);
  return {
    inputs: tf.tensor2d(from(0), [batch, time], 'int32'),
    targets: tf.tensor1d(from(1), 'int32'), // [batch·time]
  };
}

const optimizer = tf.train.adam(0.01);
for (let step = 1; step <= steps; step++) {
  tf.tidy(() => {
    const { inputs, targets } = sequences(step);
    const loss = optimizer.minimize(() => {
      const logits = tf.reshape(model.apply(inputs, { training: true }), [batch * time, vocabSize]);
      return tf.mean(sparseSoftmaxCrossEntropy(logits, targets));
    }, true);
    if (step % 50 === 0) console.log(`step ${step}: perplexity ${Math.exp(loss.dataSync()[0]).toFixed(2)}`);
  });
}

let written = [...tokenizer.encode('Humpty')];
for (let k = 0; k < 50; k++) {
  const next = tf.tidy(() => {
    const logits = model.predict(tf.tensor2d(written, [1, written.length], 'int32')); // [1, time, vocab]
    return tf
      .argMax(tf.reshape(logits, [written.length, vocabSize]), 1)
      .dataSync()
      .at(-1);
  });
  written = [...written, next];
}
console.log(tokenizer.decode(written));
