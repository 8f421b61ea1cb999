import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { naiveGru } from '../kernels/gru/naive.js';
import { Bidirectional } from './bidirectional.js';
import { GRU } from './gru.js';
import { LSTM } from './lstm.js';
import { SimpleRNN } from './simple-rnn.js';

type Layer = tf.layers.Layer;

const [batch, time, features, units] = [3, 5, 4, 2];
const input = () => tf.randomUniform<tf.Rank.R3>([batch, time, features], -1, 1, 'float32', 1);

/** Values of any size for a weight or a state, the same for both layers that are compared. */
const values = (shape: number[], seed: number) => tf.randomUniform(shape, -1, 1, 'float32', seed);

function expectClose(actual: tf.Tensor, expected: tf.Tensor, tolerance: number): void {
  expect(actual.shape).toEqual(expected.shape);
  const reference = expected.dataSync();
  actual.dataSync().forEach((value, k) => {
    expect(Math.abs(value - reference[k]!)).toBeLessThan(tolerance);
  });
}

interface Evaluated {
  readonly outputs: tf.Tensor[];
  readonly gradients: tf.Tensor[];
}

/** A layer's outputs and the gradients of their weighted sum with respect to the input and to each weight. */
function evaluate(layer: Layer, x: tf.Tensor, kwargs: { initialState?: tf.Tensor[] } = {}): Evaluated {
  const apply = (each: tf.Tensor) => [layer.apply(each, { ...kwargs }) as tf.Tensor | tf.Tensor[]].flat();
  const outputs = apply(x);
  layer.setWeights(layer.getWeights().map((weight, k) => values(weight.shape, k + 10)));
  const loss = (each: tf.Tensor) =>
    apply(each)
      .map((output, k) => tf.sum(tf.mul(output, values(output.shape, k + 20))))
      .reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
  const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const { grads } = tf.variableGrads(() => loss(x), variables);
  tf.dispose(outputs);
  return { outputs: apply(x), gradients: [tf.grad(loss)(x), ...variables.map(({ name }) => grads[name]!)] };
}

function expectSame(ours: Evaluated, theirs: Evaluated): void {
  expect(ours.outputs.length).toBe(theirs.outputs.length);
  expect(ours.gradients.length).toBe(theirs.gradients.length);
  ours.outputs.forEach((output, k) => {
    expectClose(output, theirs.outputs[k]!, 1e-5);
  });
  ours.gradients.forEach((gradient, k) => {
    expectClose(gradient, theirs.gradients[k]!, 1e-4);
  });
}

interface Options {
  readonly units: number;
  readonly returnSequences?: boolean;
  readonly returnState?: boolean;
  readonly goBackwards?: boolean;
  readonly useBias?: boolean;
}

const pairs = {
  'SimpleRNN, tanh': {
    states: 1,
    ours: (options: Options) => new SimpleRNN(options),
    theirs: (options: Options) => tf.layers.simpleRNN(options),
  },
  'SimpleRNN, relu': {
    states: 1,
    ours: (options: Options) => new SimpleRNN({ ...options, activation: 'relu' }),
    theirs: (options: Options) => tf.layers.simpleRNN({ ...options, activation: 'relu' }),
  },
  LSTM: {
    states: 2,
    ours: (options: Options) => new LSTM(options),
    theirs: (options: Options) => tf.layers.lstm({ ...options, recurrentActivation: 'sigmoid' }),
  },
  'GRU, reset before': {
    states: 1,
    ours: (options: Options) => new GRU({ ...options, resetAfter: false }),
    theirs: (options: Options) => tf.layers.gru({ ...options, recurrentActivation: 'sigmoid' }),
  },
};

const options: Options[] = [
  { units },
  { units, returnSequences: true },
  { units, returnSequences: true, returnState: true, goBackwards: true },
  { units, useBias: false, returnState: true },
];

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.each(Object.entries(pairs))('%s', (_, { states, ours, theirs }) => {
  test.each(options)('with %o computes what TensorFlow.js’s own layer computes, gradients included', (each) => {
    const x = input();
    expectSame(evaluate(ours(each), x), evaluate(theirs(each), x));
  });

  test('starts from the initialState that apply() is given', () => {
    const x = input();
    const initialState = Array.from({ length: states }, (_, k) => values([batch, units], k + 30));
    const each = { units, returnState: true };
    expectSame(evaluate(ours(each), x, { initialState }), evaluate(theirs(each), x, { initialState }));
    expect(() => ours({ units }).apply(x, { initialState: [...initialState, initialState[0]!] })).toThrow(
      'initialState',
    );
  });

  test('takes symbolic initial states in a functional model', () => {
    const x = tf.input({ shape: [time, features] });
    const initial = Array.from({ length: states }, () => tf.input({ shape: [units] }));
    const output = ours({ units }).apply([x, ...initial]) as tf.SymbolicTensor;
    const model = tf.model({ inputs: [x, ...initial], outputs: output });
    const state = Array.from({ length: states }, (_, k) => values([batch, units], k + 30));
    expect((model.predict([input(), ...state]) as tf.Tensor).shape).toEqual([batch, units]);
  });

  test.each(['concat', 'sum', 'mul', 'ave', null] as const)('runs in both directions, merged by %s', (mergeMode) => {
    const each = { units, returnSequences: true };
    const x = input();
    expectSame(
      evaluate(new Bidirectional({ layer: ours(each), mergeMode: mergeMode as 'concat' }), x),
      evaluate(tf.layers.bidirectional({ layer: theirs(each) as tf.RNN, mergeMode: mergeMode as 'concat' }), x),
    );
  });

  test('stateful, continues from call to call until resetStates()', () => {
    const x = input();
    const whole = ours({ units });
    const model = tf.sequential();
    const layer = ours({ units, stateful: true, batchInputShape: [batch, null, features] } as Options);
    model.add(layer);
    const expected = whole.apply(x) as tf.Tensor;
    layer.setWeights(whole.getWeights());
    const halves = () => {
      model.predict(tf.slice(x, [0, 0, 0], [-1, 3, -1]));
      return model.predict(tf.slice(x, [0, 3, 0], [-1, 2, -1])) as tf.Tensor;
    };
    expectClose(halves(), expected, 1e-6);
    model.resetStates();
    expectClose(halves(), expected, 1e-6);
  });

  test('starts from Keras’s initial values', () => {
    const layer = ours({ units: 16 });
    layer.apply(input());
    const [kernel, recurrentKernel, bias] = layer.getWeights();
    const limit = Math.sqrt(6 / (features + kernel!.shape[1]!));
    expect(tf.max(tf.abs(kernel!)).dataSync()[0]).toBeLessThanOrEqual(limit);
    const gram = tf.matMul(recurrentKernel!, recurrentKernel!, false, true);
    expectClose(gram, tf.eye(16), 1e-4);
    const ones = layer instanceof LSTM ? 16 : 0;
    expect(tf.sum(bias!).dataSync()[0]).toBe(ones);
  });

  test('counts the penalties of its weights’ regularizers in the model’s loss', () => {
    const layer = ours({ units, kernelRegularizer: 'l1l2' } as Options);
    layer.apply(input());
    const kernel = layer.getWeights()[0]!;
    const penalty = tf.add(tf.sum(tf.abs(kernel)), tf.sum(tf.square(kernel))).mul(0.01);
    expectClose(layer.calculateLosses()[0]!, penalty, 1e-6);
  });
});

test('GRU resets after the product unless told otherwise, with a bias [2, 3·units]', () => {
  const layer = new GRU({ units, returnSequences: true });
  const x = input();
  layer.apply(x);
  expect(layer.getWeights().map(({ shape }) => shape)).toEqual([
    [features, 3 * units],
    [units, 3 * units],
    [2, 3 * units],
  ]);
  layer.setWeights(layer.getWeights().map((weight, k) => values(weight.shape, k + 10)));
  const [kernel, recurrentKernel, bias] = layer.getWeights().map((weight) => weight.arraySync() as number[][]);
  const weights = { kernel: kernel!, recurrentKernel: recurrentKernel!, bias: bias![0]!, recurrentBias: bias![1]! };
  const zeros = Array<number>(units).fill(0);
  const expected = x.arraySync().map((xs) => naiveGru(weights, xs, zeros) as number[][]);
  expectClose(layer.apply(x) as tf.Tensor, tf.tensor3d(expected), 1e-5);
});

test.each([
  ['LSTM', { recurrentDropout: 0.2 }, 'LSTM: the argument recurrentDropout=0.2 is not supported; use 0'],
  ['LSTM', { activation: 'relu' }, 'LSTM: the argument activation="relu" is not supported; use "tanh"'],
  ['LSTM', { recurrentActivation: 'hardSigmoid' }, 'recurrentActivation="hardSigmoid" is not supported; use "sigmoid"'],
  ['GRU', { dropout: 0.5 }, 'GRU: the argument dropout=0.5 is not supported; use 0'],
  ['GRU', { unroll: true }, 'GRU: the argument unroll=true is not supported; use false'],
  ['SimpleRNN', { activation: 'elu' }, 'activation="elu" is not supported; use "tanh" or "relu"'],
] as const)('%s refuses %o', (name, args, message) => {
  const classes = { LSTM, GRU, SimpleRNN };
  expect(() => new classes[name]({ units, ...args } as never)).toThrow(message);
});

test('a mask is refused', () => {
  const model = tf.sequential();
  model.add(tf.layers.embedding({ inputDim: 5, outputDim: 4, maskZero: true }));
  expect(() => model.add(new LSTM({ units }))).not.toThrow();
  expect(() => model.predict(tf.tensor2d([[1, 0]]))).toThrow('the argument mask=');
});
