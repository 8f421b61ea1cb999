import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { input, layers as L, type LayersModel, model, type SymbolicTensor, sequential } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, test } from 'vitest';
import { Bidirectional } from '../layers/bidirectional.js';
import { GRU } from '../layers/gru.js';
import { LSTM } from '../layers/lstm.js';
import { decodeOnnx } from '../onnx/file.js';
import { checkConverted, converted, expectSameOutputs } from '../testing/converted-model.js';
import { toOnnx } from './to-onnx.js';

const random = (...shape: number[]) => tf.randomUniform(shape, 0, 1, 'float32', 7);
const ids = (rows: number, ...shape: number[]) => tf.cast(tf.randomUniform(shape, 0, rows, 'int32', 7), 'float32');

function mobilenet(): LayersModel {
  const norm = () => [L.batchNormalization(), L.reLU({ maxValue: 6 })];
  const block = (filters: number, strides: number) => [
    ...(strides === 2
      ? [
          L.zeroPadding2d({
            padding: [
              [0, 1],
              [0, 1],
            ],
          }),
        ]
      : []),
    L.depthwiseConv2d({ kernelSize: 3, strides, padding: strides === 2 ? 'valid' : 'same', useBias: false }),
    ...norm(),
    L.conv2d({ filters, kernelSize: 1, useBias: false }),
    ...norm(),
  ];
  const stem = L.conv2d({
    filters: 4,
    kernelSize: 3,
    strides: 2,
    padding: 'same',
    useBias: false,
    inputShape: [32, 32, 3],
  });
  const head = [L.globalAveragePooling2d({}), L.reshape({ targetShape: [1, 1, 12] }), L.dropout({ rate: 0.1 })];
  return sequential({
    layers: [
      stem,
      ...norm(),
      ...block(8, 1),
      ...block(12, 2),
      ...head,
      L.conv2d({ filters: 5, kernelSize: 1 }),
      L.flatten(),
      L.activation({ activation: 'softmax' }),
    ],
  });
}

function unet(): LayersModel {
  const conv = (filters: number, x: SymbolicTensor) =>
    L.batchNormalization().apply(
      L.conv2d({ filters, kernelSize: 3, padding: 'same', activation: 'relu' }).apply(x),
    ) as SymbolicTensor;
  const half = (x: SymbolicTensor) => L.maxPooling2d({ poolSize: 2 }).apply(x) as SymbolicTensor;
  const joined = (...parts: unknown[]) => L.concatenate().apply(parts as SymbolicTensor[]) as SymbolicTensor;
  const x = input({ shape: [16, 16, 1], name: 'image' });
  const [a] = [conv(3, x)];
  const b = conv(6, half(a));
  const up = L.conv2dTranspose({ filters: 6, kernelSize: 2, strides: 2, padding: 'same' }).apply(conv(9, half(b)));
  const whole = conv(3, joined(L.upSampling2d({ size: [2, 2] }).apply(conv(6, joined(up, b))), a));
  const mask = L.conv2d({ filters: 1, kernelSize: 1, activation: 'sigmoid', name: 'mask' }).apply(whole);
  return model({ inputs: x, outputs: mask as SymbolicTensor });
}

function textCnn(): LayersModel {
  const x = input({ shape: [null], name: 'tokens' });
  const embedded = L.embedding({ inputDim: 20, outputDim: 6 }).apply(x);
  const features = [2, 3].map((kernelSize) => {
    const conv = L.conv1d({ filters: 4, kernelSize, activation: 'relu', padding: 'same' });
    return L.globalMaxPooling1d().apply(conv.apply(embedded)) as SymbolicTensor;
  });
  const joined = L.concatenate().apply(features);
  return model({ inputs: x, outputs: L.dense({ units: 3, activation: 'sigmoid' }).apply(joined) as SymbolicTensor });
}

function attention(): LayersModel {
  const x = input({ shape: [null, 8] });
  const [query, key, value] = [1, 2, 3].map(() => L.dense({ units: 8 }).apply(x) as SymbolicTensor);
  const scores = L.activation({ activation: 'softmax' }).apply(L.dot({ axes: [2, 2] }).apply([query!, key!]));
  const sum = L.add().apply([x, L.dot({ axes: [2, 1] }).apply([scores as SymbolicTensor, value!]) as SymbolicTensor]);
  const normal = L.layerNormalization().apply(sum);
  return model({ inputs: x, outputs: L.globalAveragePooling1d().apply(normal) as SymbolicTensor });
}

const masked = (
  ...rest: Parameters<typeof sequential>[0] extends { layers?: infer Layers } | undefined ? NonNullable<Layers> : never
) => sequential({ layers: [L.embedding({ inputDim: 6, outputDim: 5, maskZero: true, inputShape: [null] }), ...rest] });

/** Models, and inputs of two sizes each. */
const cases: Record<string, () => [LayersModel, tf.Tensor, tf.Tensor, string[]?]> = {
  mobilenet: () => [mobilenet(), random(1, 32, 32, 3), random(3, 32, 32, 3)],
  'a U-Net': () => [unet(), random(1, 16, 16, 1), random(2, 16, 16, 1)],
  'a text CNN': () => [textCnn(), ids(20, 2, 5), ids(20, 3, 9)],
  'an attention model': () => [attention(), random(1, 4, 8), random(2, 6, 8)],
  'an image of any size': () => [
    sequential({
      layers: [
        L.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', inputShape: [null, null, 3] }),
        L.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
        L.globalAveragePooling2d({}),
      ],
    }),
    random(1, 20, 31, 3),
    random(2, 33, 18, 3),
  ],
  'an LSTM of TensorFlow.js': () => [
    sequential({ layers: [L.lstm({ units: 4, inputShape: [null, 3], returnSequences: true }), L.lstm({ units: 3 })] }),
    random(1, 2, 3),
    random(2, 5, 3),
    ['LSTM', 'LSTM'],
  ],
  'a GRU with resetAfter, backwards, and a simple RNN': () => [
    sequential({
      layers: [
        new GRU({
          units: 4,
          inputShape: [null, 3],
          biasInitializer: 'randomNormal',
          returnSequences: true,
          goBackwards: true,
        }),
        L.simpleRNN({ units: 2, activation: 'relu' }),
      ],
    }),
    random(1, 4, 3),
    random(2, 7, 3),
    ['GRU', 'RNN'],
  ],
  'a layer for each step': () => [
    sequential({
      layers: [L.timeDistributed({ layer: L.dense({ units: 2, activation: 'relu' }), inputShape: [null, 3] })],
    }),
    random(1, 2, 3),
    random(3, 5, 3),
  ],
  'a masked bidirectional LSTM': () => [
    masked(
      new Bidirectional({ layer: new LSTM({ units: 3, returnSequences: true }), mergeMode: 'concat' }),
      new LSTM({ units: 2 }),
    ),
    ids(6, 2, 4),
    ids(6, 3, 8),
    ['Scan', 'Scan', 'Scan'],
  ],
  "a masked bidirectional LSTM of TensorFlow.js's own": () => [
    masked(
      L.bidirectional({ layer: L.lstm({ units: 3, returnSequences: true }) as never, mergeMode: 'concat' }),
      L.gru({ units: 2 }),
    ),
    ids(6, 2, 4),
    ids(6, 3, 8),
    ['Scan', 'Scan', 'Scan'],
  ],
};

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.each(Object.entries(cases))('%s', (_, make) => {
  test('converts for any batch and length to what ONNX Runtime computes alike', async () => {
    const [original, small, large, operators] = make();
    const bytes = await converted(original);
    await expectSameOutputs(original, bytes, [small], [large]);
    const { nodes, inputs } = decodeOnnx(bytes);
    expect(inputs[0]!.shape[0]).toBe('batch');
    if (operators)
      expect(nodes.map(({ opType }) => opType).filter((each) => /^(LSTM|GRU|RNN|Scan)$/.test(each))).toEqual(operators);
  });
});

test('inputs and outputs keep the names of the model', async () => {
  const { inputs, outputs } = decodeOnnx(await toOnnx(unet()));
  expect(inputs).toEqual([{ name: 'image', dtype: 'float32', shape: ['batch', 16, 16, 1] }]);
  expect(outputs).toEqual([{ name: 'mask', dtype: 'float32', shape: ['batch', 16, 16, 1] }]);
});

test.each([15, 16, 18, 21])('opset %i computes the same', async (opset) => {
  const original = attention();
  await expectSameOutputs(original, await converted(original, { opset }), [random(2, 5, 8)]);
});

test('what cannot be converted is refused with one line that names it', async () => {
  const lstm = sequential({ layers: [L.lstm({ units: 2, batchInputShape: [1, 2, 3], stateful: true })] });
  await expect(toOnnx(lstm)).rejects.toThrow(/has stateful layers, whose states ONNX cannot keep/);
  await expect(toOnnx(mobilenet(), { opset: 9 })).rejects.toThrow('opset 9 is not written; give one from 15 to 21');
  await expect(toOnnx(unet(), { shapes: { picture: [1, 2] } })).rejects.toThrow(
    "the model has no input 'picture', but 'image'",
  );
  const cell = L.simpleRNNCell({ units: 2, recurrentInitializer: 'zeros' });
  const inSteps = sequential({ layers: [L.rnn({ cell, inputShape: [null, 3] })] });
  await expect(toOnnx(inSteps)).rejects.toThrow(
    /the size of 'batch' or 'time' cannot be left open: .*; give the inputs' shapes as numbers: \S+ \[batch, time, 3\]$/,
  );
  const halves = input({ shape: [null, null, 1] });
  const half = L.maxPooling2d({ poolSize: 2 }).apply(halves);
  const whole = L.add().apply([halves, L.upSampling2d({ size: [2, 2] }).apply(half) as SymbolicTensor]);
  await expect(toOnnx(model({ inputs: halves, outputs: whole as SymbolicTensor }))).rejects.toThrow(
    /the model does not run with batch \d+, size1 \d+, size2 \d+ \(.*\); give the inputs' shapes as numbers: /,
  );
});

checkConverted();
