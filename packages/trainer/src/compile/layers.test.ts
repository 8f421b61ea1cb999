// Every kind of layer in TensorFlow.js, trained by ONNX Runtime beside `fit` on the cpu backend.
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { largestDifference, type Training, trainBoth } from '../testing/beside-fit.js';

const { layers } = tf;

/** Deterministic values in [-1, 1]. */
function values(...shape: number[]): tf.Tensor {
  return tf.sin(tf.mul(tf.range(1, tf.util.sizeFromShape(shape) + 1), 12.9898)).reshape(shape);
}

const labels = (...shape: number[]) => tf.abs(values(...shape));
const tokens = (...shape: number[]) => tf.floor(tf.mul(tf.abs(values(...shape)), 6.99));

/** A model of these layers with a dense layer of two units on top. */
function stack(...make: (() => tf.layers.Layer)[]): () => tf.LayersModel {
  return () => {
    const model = tf.sequential({ layers: make.map((layer) => layer()) });
    if (model.outputs[0]!.shape.length > 2) model.add(layers.flatten());
    model.add(layers.dense({ units: 2 }));
    return model;
  };
}

/** Three batches, of 3, 3 and 2 examples. */
function cases(
  xs: () => tf.Tensor,
  byName: Readonly<Record<string, () => tf.LayersModel>>,
): [string, () => Training][] {
  return Object.entries(byName).map(([name, model]) => [name, () => ({ model, xs: xs(), ys: labels(8, 2) })]);
}

const vector = { inputShape: [6] };
const sequence = { inputShape: [4, 3] };
const image = { inputShape: [6, 5, 2] };
const volume = { inputShape: [4, 4, 3, 2] };
const frames = { inputShape: [3, 5, 4, 2] };

const activations = [
  'relu',
  'relu6',
  'elu',
  'selu',
  'sigmoid',
  'hardSigmoid',
  'tanh',
  'softmax',
  'softplus',
  'softsign',
];
const recurrent = {
  simpleRNN: () => layers.simpleRNN({ units: 3, ...sequence }),
  lstm: () => layers.lstm({ units: 3, ...sequence }),
  gru: () => layers.gru({ units: 3, ...sequence }),
  'lstm that returns sequences': () => layers.lstm({ units: 3, returnSequences: true, ...sequence }),
  'gru backwards': () => layers.gru({ units: 3, goBackwards: true, ...sequence }),
  'stacked cells': () =>
    layers.rnn({ cell: [layers.lstmCell({ units: 3 }), layers.gruCell({ units: 2, resetAfter: false })], ...sequence }),
  bidirectional: () =>
    layers.bidirectional({ layer: layers.lstm({ units: 3, returnSequences: true }), mergeMode: 'concat', ...sequence }),
  timeDistributed: () => layers.timeDistributed({ layer: layers.dense({ units: 3 }), ...sequence }),
};

const trainings: [string, () => Training][] = [
  ...cases(() => values(8, 6), {
    dense: stack(() => layers.dense({ units: 4, ...vector })),
    'dense without a bias': stack(() => layers.dense({ units: 4, useBias: false, ...vector })),
    ...Object.fromEntries(
      [...activations, 'swish', 'mish', 'gelu', 'gelu_new'].map((activation) => [
        `activation ${activation}`,
        stack(() => layers.dense({ units: 4, activation: activation as 'relu', ...vector })),
      ]),
    ),
    leakyReLU: stack(() => layers.leakyReLU({ alpha: 0.2, ...vector })),
    prelu: stack(() => layers.prelu(vector)),
    'elu and thresholdedReLU': stack(
      () => layers.elu(vector),
      () => layers.thresholdedReLU({ theta: 0.1 }),
    ),
    'softmax and relu': stack(
      () => layers.softmax(vector),
      () => layers.reLU({ maxValue: 0.2 }),
    ),
    batchNormalization: stack(
      () => layers.dense({ units: 4, ...vector }),
      () => layers.batchNormalization(),
    ),
    layerNormalization: stack(
      () => layers.dense({ units: 4, ...vector }),
      () => layers.layerNormalization(),
    ),
    'dropout with a seed': stack(
      () => layers.dense({ units: 8, ...vector }),
      () => layers.dropout({ rate: 0.4, seed: 3 }),
    ),
    'reshape, permute and repeatVector': stack(
      () => layers.reshape({ targetShape: [2, 3], ...vector }),
      () => layers.permute({ dims: [2, 1] }),
      () => layers.flatten(),
      () => layers.dense({ units: 3 }),
      () => layers.repeatVector({ n: 2 }),
    ),
    regularizers: stack(() =>
      layers.dense({
        units: 4,
        kernelRegularizer: tf.regularizers.l1l2({ l1: 0.01, l2: 0.02 }),
        biasRegularizer: tf.regularizers.l2({ l2: 0.1 }),
        ...vector,
      }),
    ),
    'a frozen layer': stack(() => layers.dense({ units: 4, trainable: false, ...vector })),
  }),
  ...cases(() => values(8, 4, 3), {
    conv1d: stack(() => layers.conv1d({ filters: 3, kernelSize: 2, activation: 'relu', ...sequence })),
    'pooling over time': stack(
      () => layers.conv1d({ filters: 3, kernelSize: 2, padding: 'same', ...sequence }),
      () => layers.maxPooling1d({ poolSize: 2, strides: 1 }),
      () => layers.averagePooling1d({ poolSize: 2 }),
    ),
    'global pooling over time': stack(
      () => layers.conv1d({ filters: 3, kernelSize: 2, ...sequence }),
      () => layers.globalAveragePooling1d(),
    ),
    'global maximum over time': stack(
      () => layers.conv1d({ filters: 3, kernelSize: 2, ...sequence }),
      () => layers.globalMaxPooling1d(),
    ),
    ...Object.fromEntries(Object.entries(recurrent).map(([name, layer]) => [name, stack(layer)])),
    masking: stack(
      () => layers.masking({ maskValue: 0, ...sequence }),
      () => layers.lstm({ units: 3 }),
    ),
  }),
  ...cases(() => values(8, 6, 5, 2), {
    conv2d: stack(() => layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'relu', ...image })),
    'conv2d with strides': stack(() => layers.conv2d({ filters: 3, kernelSize: [3, 2], strides: 2, ...image })),
    separableConv2d: stack(() => layers.separableConv2d({ filters: 3, kernelSize: 3, depthMultiplier: 2, ...image })),
    depthwiseConv2d: stack(() => layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', ...image })),
    conv2dTranspose: stack(() => layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, ...image })),
    'channels first': stack(() =>
      layers.conv2d({ filters: 3, kernelSize: 2, dataFormat: 'channelsFirst', inputShape: [6, 5, 2] }),
    ),
    maxPooling2d: stack(
      () => layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu', ...image }),
      () => layers.maxPooling2d({ poolSize: 2 }),
    ),
    averagePooling2d: stack(
      () => layers.conv2d({ filters: 3, kernelSize: 3, ...image }),
      () => layers.averagePooling2d({ poolSize: 2, padding: 'same' }),
    ),
    globalAveragePooling2d: stack(
      () => layers.conv2d({ filters: 3, kernelSize: 3, ...image }),
      () => layers.globalAveragePooling2d({}),
    ),
    globalMaxPooling2d: stack(
      () => layers.conv2d({ filters: 3, kernelSize: 3, ...image }),
      () => layers.globalMaxPooling2d({}),
    ),
    'batchNormalization of images': stack(
      () => layers.conv2d({ filters: 3, kernelSize: 3, ...image }),
      () => layers.batchNormalization({ momentum: 0.9 }),
    ),
    'padding and cropping': stack(
      () =>
        layers.zeroPadding2d({
          padding: [
            [1, 2],
            [0, 1],
          ],
          ...image,
        }),
      () => layers.conv2d({ filters: 2, kernelSize: 2 }),
      () =>
        layers.cropping2D({
          cropping: [
            [1, 1],
            [0, 2],
          ],
        }),
    ),
  }),
  ...cases(() => values(8, 4, 4, 3, 2), {
    conv3d: stack(() => layers.conv3d({ filters: 2, kernelSize: 2, ...volume })),
    'pooling of volumes': stack(
      () => layers.conv3d({ filters: 2, kernelSize: 2, padding: 'same', ...volume }),
      () => layers.maxPooling3d({ poolSize: 2, strides: 1 }),
      () => layers.averagePooling3d({ poolSize: 2 }),
    ),
  }),
  ...cases(() => values(8, 3, 5, 4, 2), {
    convLstm2d: stack(() => layers.convLstm2d({ filters: 2, kernelSize: 2, ...frames })),
  }),
  ...cases(() => tokens(8, 4), {
    embedding: stack(() => layers.embedding({ inputDim: 7, outputDim: 3, inputLength: 4 })),
    'embedding with a mask': stack(
      () => layers.embedding({ inputDim: 7, outputDim: 3, inputLength: 4, maskZero: true }),
      () => layers.gru({ units: 3 }),
    ),
  }),
  // From the second image of a batch on, the gradient of TensorFlow.js's cpu backend is wrong.
  [
    'upSampling2d',
    () => ({
      ...cases(() => values(3, 3, 2, 2), {
        upSampling2d: stack(
          () => layers.conv2d({ filters: 2, kernelSize: 2, padding: 'same', inputShape: [3, 2, 2] }),
          () => layers.upSampling2d({ size: [2, 3] }),
        ),
      })[0]![1](),
      ys: labels(3, 2),
      batchSize: 1,
    }),
  ],
];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('a compiled step trains as fit does', () => {
  test.each(trainings)('%s', async (_, training) => {
    const { fitted, compiled } = await trainBoth(training());
    expect(fitted.losses.length).toBeGreaterThan(1);
    expect(compiled.weights).toHaveLength(fitted.weights.length);
    expect(largestDifference(fitted, compiled)).toBeLessThan(1e-4);
  });
});
