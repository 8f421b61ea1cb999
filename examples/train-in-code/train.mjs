// Trains a small character model in code, with layers of @unroll/core in a TensorFlow.js model, and lets it write:
//   node examples/train-in-code/train.mjs
// Its seeds are fixed, so it writes the same text each time. docs/in-code.md describes `train` and what else it trains.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { Embedding, GRU, Linear, sparseSoftmaxCrossEntropy } from '@unroll/core';
import { trainTokenizer } from '@unroll/core/text';
import { train } from '@unroll/trainer';

const text = `Humpty Dumpty sat on a wall,
Humpty Dumpty had a great fall.
All the king's horses and all the king's men
Couldn't put Humpty together again.
`;
const time = 32; // characters of a training sequence

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

/** The sequences that begin at each character of the text, [sequences, time], `shift` characters further on. */
function sequences(shift) {
  const starts = [...Array(ids.length - time).keys()];
  const characters = starts.flatMap((start) => [...ids.slice(start + shift, start + shift + time)]);
  return tf.tensor2d(characters, [starts.length, time], 'int32');
}

/** The cross-entropy of each character, [batch, time], in nats. */
function loss(targets, logits) {
  const [batch] = targets.shape;
  const rows = tf.reshape(logits, [batch * time, vocabSize]);
  return tf.reshape(sparseSoftmaxCrossEntropy(rows, tf.reshape(targets, [batch * time])), [batch, time]);
}

const training = {
  ...{ model, loss, train: { xs: sequences(0), ys: sequences(1) } },
  ...{ batchSize: 8, epochs: 6, optimizer: 'adam', learningRate: 0.01 },
};
const out = await mkdtemp(join(tmpdir(), 'train-in-code-'));
for await (const event of train(training, { out })) {
  if (event.type === 'epoch') console.log(`epoch ${event.epoch}: perplexity ${Math.exp(event.value).toFixed(2)}`);
}
await rm(out, { recursive: true });

let written = [...tokenizer.encode('Humpty')];
for (let k = 0; k < 80; k++) {
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
