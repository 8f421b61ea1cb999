// Trains a small convolutional network of TensorFlow.js's own layers twice from the same weights: by `fit`, and by a
// compiled step that ONNX Runtime runs. Prints both losses and speeds:
//   node examples/compile-tensorflow-js/train.mjs
// The images are bars, horizontal, vertical or diagonal, in noise; the network learns which of these each image shows.
import * as tf from '@tensorflow/tfjs';
import { compile } from '@unroll/trainer';

const size = 16; // pixels along an edge
const examples = 256;
const batch = 32;
const epochs = 2;

const { layers } = tf;
const seeded = (seed) => tf.initializers.glorotUniform({ seed });

function network() {
  return tf.sequential({
    layers: [
      layers.conv2d({
        filters: 8,
        kernelSize: 3,
        activation: 'relu',
        inputShape: [size, size, 1],
        kernelInitializer: seeded(1),
      }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 16, kernelSize: 3, kernelInitializer: seeded(2) }),
      layers.batchNormalization(),
      layers.activation({ activation: 'relu' }),
      layers.globalMaxPooling2d({}),
      layers.dense({ units: 3, activation: 'softmax', kernelInitializer: seeded(3) }),
    ],
  });
}

/** Images [examples, size, size, 1] and the kinds of their bars [examples, 1]. */
function bars() {
  const kinds = Array.from({ length: examples }, (_, example) => example % 3);
  const pixels = kinds.flatMap((kind, example) => {
    const place = (example * 7) % size;
    const isBar = (row, column) => [row, column, (row + column) % size][kind] === place;
    return Array.from({ length: size * size }, (_, k) => Number(isBar(Math.floor(k / size), k % size)));
  });
  const noise = tf.randomNormal([examples, size, size, 1], 0, 0.3, 'float32', 4);
  return [tf.tensor4d(pixels, [examples, size, size, 1]).add(noise), tf.tensor2d(kinds, [examples, 1])];
}

function report(name, losses, seconds) {
  const speed = Math.round((losses.length * batch) / seconds);
  console.log(`${name}: loss ${losses[0].toFixed(4)} → ${losses.at(-1).toFixed(4)}, ${speed} examples/s`);
}

const loss = 'sparseCategoricalCrossentropy';
const [xs, ys] = bars();
const model = network();
const twin = network(); // has the same weights because of the seeds

const fitLosses = [];
model.compile({ optimizer: tf.train.momentum(0.03, 0.9), loss });
let start = performance.now();
await model.fit(xs, ys, {
  batchSize: batch,
  epochs,
  shuffle: false,
  verbose: 0,
  callbacks: { onBatchEnd: (_, logs) => fitLosses.push(logs.loss) },
});
report("TensorFlow.js's fit", fitLosses, (performance.now() - start) / 1000);

const step = await compile(twin, loss, tf.train.momentum(0.03, 0.9));
const losses = [];
start = performance.now(); // includes the time for compiling
for (let epoch = 0; epoch < epochs; epoch++) {
  for (let first = 0; first < examples; first += batch) {
    const [images, kinds] = [tf.slice(xs, first, batch), tf.slice(ys, first, batch)];
    losses.push((await step.run(images, kinds)).loss);
    tf.dispose([images, kinds]);
  }
}
report('the compiled step', losses, (performance.now() - start) / 1000);

await step.writeBack(); // the model now has the trained weights and can be saved, evaluated or fitted further
await step.dispose();
for (const [name, trained] of Object.entries({ "TensorFlow.js's fit": model, 'the compiled step': twin })) {
  const right = tf.equal(tf.argMax(trained.predict(xs), 1), tf.cast(tf.squeeze(ys), 'int32'));
  console.log(`${name}: ${(100 * tf.mean(right).dataSync()[0]).toFixed(1)} % of the images recognised`);
}
