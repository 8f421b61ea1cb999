// A convolutional model of TensorFlow.js that tells small images of vertical bars from horizontal ones. Trained alone,
// or by two workers and a parameter server:
//   unroll train --module examples/train-on-a-cluster/images.mjs --out runs/images
//   unroll train --module examples/train-on-a-cluster/images.mjs --out runs/images-pair --workers 2 --servers 1
// Every process loads this module. Its seeds are fixed, so all of them begin with the same model and images.
import * as tf from '@tensorflow/tfjs';

const [size, count] = [8, 64];

/** Images with one bright row or column, [count, size, size, 1], and their classes one-hot, [count, 2]. */
export function bars() {
  const images = new Float32Array(count * size * size);
  const classes = new Int32Array(count);
  for (let image = 0; image < count; image++) {
    classes[image] = image % 2;
    const place = (image * 5) % size;
    for (let k = 0; k < size; k++) {
      const [row, column] = classes[image] ? [place, k] : [k, place];
      images[(image * size + row) * size + column] = 1;
    }
  }
  return {
    xs: tf.tensor4d(images, [count, size, size, 1]),
    ys: tf.oneHot(tf.tensor1d(classes, 'int32'), 2).toFloat(),
  };
}

export function barsModel() {
  const seeded = (seed) => tf.initializers.glorotUniform({ seed });
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        ...{ filters: 4, kernelSize: 3, activation: 'relu', inputShape: [size, size, 1] },
        kernelInitializer: seeded(1),
      }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 2, activation: 'softmax', kernelInitializer: seeded(2) }),
    ],
  });
}

export default () => ({
  name: 'bars',
  model: barsModel(),
  loss: 'categoricalCrossentropy',
  train: bars(),
  ...{ batchSize: 16, epochs: 4, optimizer: 'sgd', learningRate: 0.5, shuffle: false },
});
