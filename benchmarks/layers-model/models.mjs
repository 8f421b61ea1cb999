// Models of TensorFlow.js's own layers, small enough for the cpu backend to train, each with one batch. The values need
// only be plausible: every step trains on the same batch.
import * as tf from '@tensorflow/tfjs';

const { layers } = tf;
const classes = (batch, count) =>
  tf.oneHot(tf.range(0, batch, 1, 'int32').mod(tf.scalar(count, 'int32')), count).toFloat();

function dense() {
  const model = tf.sequential({
    layers: [
      layers.dense({ units: 512, activation: 'relu', inputShape: [784] }),
      layers.dense({ units: 512, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  return { model, xs: tf.randomUniform([128, 784], 0, 1, 'float32', 1), ys: classes(128, 10) };
}

function convolutional() {
  const model = tf.sequential({
    layers: [
      layers.conv2d({ filters: 8, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
      layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.dropout({ rate: 0.25 }),
      layers.flatten(),
      layers.dense({ units: 128, activation: 'relu' }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  return { model, xs: tf.randomUniform([32, 28, 28, 1], 0, 1, 'float32', 1), ys: classes(32, 10) };
}

function recurrent(layer) {
  const model = tf.sequential({
    layers: [
      layers.embedding({ inputDim: 1000, outputDim: 32, inputLength: 16 }),
      layer({ units: 44 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  const xs = tf.randomUniform([32, 16], 0, 1000, 'float32', 1).floor();
  return { model, xs, ys: classes(32, 10) };
}

/** Models by name. Each builds `{ model, xs, ys }` on the active backend; the loss is categoricalCrossentropy. */
export const models = {
  dense,
  convolutional,
  lstm: () => recurrent(layers.lstm),
  gru: () => recurrent(layers.gru),
};
