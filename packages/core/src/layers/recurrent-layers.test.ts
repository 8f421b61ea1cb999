import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { naiveGru } from '../kernels/cells/naive-gru.js';
import { Bidirectional } from './bidirectional.js';
import { Embedding } from './embedding.js';
import { GRU } from './gru.js';
import { LSTM } from './lstm.js';
import { MinGRU } from './min-gru.js';
import { SimpleRNN } from './simple-rnn.js';

type Layer = tf.layers.Layer;

const [batch, time, features, units] = [3, 5, 4, 2];
const input = () => tf.randomUniform<tf.Rank.R3>([batch, time, features], -1, 1, 'float32', 1);

/** Values for a weight or a state of any size, the same for both compared layers. */
const values = (shape: number[], seed: number) => tf.randomUniform(shape, -1, 1, 'float32', seed);

function expectClose(actual: tf.Tensor, expected: tf.Tensor, tolerance: number): void {
  expect(actual.shape).toEqual(expected.shape);
  const reference = expected.dataSync();
  actual.dataSync().forEach((value, k) => {
    expect(Math.abs(value - reference[k]!)).toBeLessThan(tolerance * Math.max(1, Math.abs(reference[k]!)));
  });
}

interface Evaluated {
  readonly outputs: tf.Tensor[];
  readonly gradients: tf.Tensor[];
}

/** A layer's outputs and the gradients of their weighted sum with respect to the input and to each weight. */
function evaluate(
  layer: Layer,
  x: tf.Tensor,
  kwargs: { initialState?: tf.Tensor[]; mask?: tf.Tensor } = {},
): Evaluated {
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

/** One sequence is complete, one starts late and one has a gap. */
const mask = () =>
  tf.tensor2d(
    [
      [1, 1, 1, 1, 1],
      [0, 0, 1, 1, 1],
      [1, 0, 1, 1, 0],
    ],
    [batch, time],
    'bool',
  );

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

const withTheirActivations = {
  'LSTM with TensorFlow.js’s defaults': {
    ours: (options: Options) => new LSTM({ ...options, recurrentActivation: 'hardSigmoid' }),
    theirs: (options: Options) => tf.layers.lstm(options),
  },
  'LSTM, relu': {
    ours: (options: Options) => new LSTM({ ...options, activation: 'relu' }),
    theirs: (options: Options) => tf.layers.lstm({ ...options, activation: 'relu', recurrentActivation: 'sigmoid' }),
  },
  'GRU with TensorFlow.js’s defaults': {
    ours: (options: Options) => new GRU({ ...options, resetAfter: false, recurrentActivation: 'hardSigmoid' }),
    theirs: (options: Options) => tf.layers.gru(options),
  },
  'SimpleRNN, linear': {
    ours: (options: Options) => new SimpleRNN({ ...options, activation: 'linear' }),
    theirs: (options: Options) => tf.layers.simpleRNN({ ...options, activation: 'linear' }),
  },
  'SimpleRNN, sigmoid': {
    ours: (options: Options) => new SimpleRNN({ ...options, activation: 'sigmoid' }),
    theirs: (options: Options) => tf.layers.simpleRNN({ ...options, activation: 'sigmoid' }),
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

describe.each(Object.entries({ ...pairs, ...withTheirActivations }))('%s', (_, { ours, theirs }) => {
  test.each(options)('with %o skips masked steps as TensorFlow.js’s own layer does', (each) => {
    const x = input();
    expectSame(evaluate(ours(each), x, { mask: mask() }), evaluate(theirs(each), x, { mask: mask() }));
  });

  test('computes what TensorFlow.js’s own layer computes, gradients included', () => {
    const x = input();
    const each = { units, returnSequences: true, returnState: true };
    expectSame(evaluate(ours(each), x), evaluate(theirs(each), x));
  });

  test('skips masked steps in both directions', () => {
    const x = input();
    const each = { units, returnSequences: true };
    const both = (layer: Layer) => tf.layers.bidirectional({ layer: layer as tf.RNN, mergeMode: 'concat' });
    expectSame(evaluate(both(ours(each)), x, { mask: mask() }), evaluate(both(theirs(each)), x, { mask: mask() }));
  });
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

  test('stateful, computes what TensorFlow.js’s own layer computes, call by call and again after resetStates()', () => {
    const x = input();
    const calls = (make: (options: Options) => Layer) => {
      const stateful = { units, returnState: true, stateful: true, batchInputShape: [batch, null, features] };
      const layer = make(stateful as Options);
      layer.apply(tf.input({ batchShape: [batch, null as never, features] }));
      layer.setWeights(layer.getWeights().map((weight, k) => values(weight.shape, k + 10)));
      const run = (from: number, steps: number) =>
        layer.apply(tf.slice(x, [0, from, 0], [-1, steps, -1])) as tf.Tensor[];
      const outputs = [run(0, 2), run(2, 3)].flat();
      (layer as tf.RNN).resetStates();
      return [...outputs, ...run(2, 3)];
    };
    const expected = calls(theirs);
    calls(ours).forEach((output, k) => {
      expectClose(output, expected[k]!, 1e-5);
    });
  });

  test('in both directions takes initial states and returns the last ones', () => {
    const x = input();
    const initialState = Array.from({ length: 2 * states }, (_, k) => values([batch, units], k + 30));
    const each = { units, returnSequences: true, returnState: true };
    const evaluated = evaluate(new Bidirectional({ layer: ours(each), mergeMode: 'concat' }), x, { initialState });
    expect(evaluated.outputs).toHaveLength(1 + 2 * states);
    const both = tf.layers.bidirectional({ layer: theirs(each) as tf.RNN, mergeMode: 'concat' });
    expectSame(evaluated, evaluate(both, x, { initialState }));
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
  [undefined, [0, 1, 0, 0]],
  [true, [0, 1, 0, 0]],
  [false, [0, 0, 0, 0]],
])('an LSTM with unitForgetBias %s starts with biases of %j for its gates i, f, g, o', (unitForgetBias, gates) => {
  const layer = new LSTM({ units, ...(unitForgetBias !== undefined && { unitForgetBias }) });
  layer.apply(input());
  const expected = gates.flatMap((value) => Array<number>(units).fill(value));
  expect([...layer.getWeights()[2]!.dataSync()]).toEqual(expected);
});

test('recurrentDropout multiplies the state of all steps by one mask: zero at its rate, else scaled to keep the mean', () => {
  const [wide, rate, scale] = [1600, 0.25, 4 / 3];
  // The next state is the previous state after dropout.
  const layer = new SimpleRNN({
    ...{ units: wide, activation: 'linear', recurrentInitializer: 'identity', useBias: false },
    ...{ recurrentDropout: rate, seed: 1 },
  });
  const kept = (steps: number) => {
    const kwargs = { training: true, initialState: [tf.ones([1, wide])] };
    return [...(layer.apply(tf.zeros([1, steps, 1]), kwargs) as tf.Tensor).dataSync()];
  };
  const [once, twice] = [kept(1), kept(2)];
  expect([...new Set(once)].sort()).toEqual([0, Math.fround(scale)]);
  expect(once.reduce((sum, value) => sum + value) / wide).toBeCloseTo(1, 1);
  const [none, squared] = [...new Set(twice)].sort();
  expect(none).toBe(0);
  expect(squared).toBeCloseTo(scale * scale, 6);
  expect(twice.filter((value) => value === 0).length / wide).toBeCloseTo(rate, 1);
});

describe.each(['dropout', 'recurrentDropout'] as const)('%s', (argument) => {
  const layers = {
    SimpleRNN: (seed: number) => new SimpleRNN({ units: 8, [argument]: 0.5, seed }),
    LSTM: (seed: number) => new LSTM({ units: 8, [argument]: 0.5, seed }),
    GRU: (seed: number) => new GRU({ units: 8, [argument]: 0.5, seed }),
  };
  // The recurrent product needs a nonzero state, even at the first step.
  const run = (layer: Layer, training: boolean) => {
    const states = layer instanceof LSTM ? 2 : 1;
    const initialState = Array.from({ length: states }, () => tf.ones([batch, 8]));
    return [...(layer.apply(input(), { training, initialState }) as tf.Tensor).dataSync()];
  };
  const alike = (layer: Layer) => {
    layer.apply(input());
    layer.setWeights(layer.getWeights().map((weight, k) => values(weight.shape, k + 10)));
    return layer;
  };

  test.each(Object.entries(layers))('of %s drops in training alone, by its seed, anew in each call', (_, make) => {
    const [layer, twin, other] = [3, 3, 4].map((seed) => alike(make(seed)));
    const inference = run(layer!, false);
    expect(run(layer!, false)).toEqual(inference);
    const first = run(layer!, true);
    expect(first).not.toEqual(inference);
    expect(run(twin!, true)).toEqual(first);
    expect(run(layer!, true)).not.toEqual(first);
    expect(run(other!, true)).not.toEqual(first);
  });
});

test('dropout drops features of the whole sequence: a dropped feature has no influence at any step', () => {
  const layer = new SimpleRNN({ units, dropout: 0.5, seed: 1, returnSequences: true });
  const gradient = tf.grad((x) => tf.sum(layer.apply(x, { training: true }) as tf.Tensor))(input());
  const dropped = tf.all(tf.equal(gradient, 0), 1); // [batch, features]
  const perStep = tf.equal(gradient, 0);
  expect(tf.sum(dropped).dataSync()[0]).toBeGreaterThan(0);
  expect(tf.sum(dropped).dataSync()[0]).toBeLessThan(batch * features);
  expect(tf.sum(perStep).dataSync()[0]).toBe(time * tf.sum(dropped).dataSync()[0]!);
});

test('a recurrent layer skips the padding of an Embedding with maskZero', () => {
  const model = (ids: number[][]) => {
    const layers = [
      new Embedding({ inputDim: 5, outputDim: 3, maskZero: true, embeddingsInitializer: 'ones' }),
      new Bidirectional({ layer: new LSTM({ units, returnSequences: true }), mergeMode: 'concat' }),
      new GRU({ units }),
    ];
    const stack = tf.sequential({ layers: layers as Layer[] });
    stack.setWeights(stack.getWeights().map(({ shape }, k) => values(shape, k)));
    return (stack.predict(tf.tensor2d(ids, [1, ids[0]!.length], 'int32')) as tf.Tensor).dataSync();
  };
  const padded = [...model([[1, 2, 3, 0, 0]])];
  [...model([[1, 2, 3]])].forEach((value, k) => {
    expect(padded[k]).toBeCloseTo(value, 6);
  });
});

test('Bidirectional outputs zeros at masked steps, in both directions, if the layer is ours and returns sequences', () => {
  const embedded = tf.tensor3d([1, 2, 3, 4, 5, 6], [1, 3, 2]);
  const stepMask = tf.tensor2d([0, 1, 0], [1, 3], 'bool');
  for (const layer of [new LSTM({ units, returnSequences: true }), new MinGRU({ units, returnSequences: true })]) {
    const both = new Bidirectional({ layer, mergeMode: 'concat' });
    const values = (both.apply(embedded, { mask: stepMask }) as tf.Tensor3D).arraySync()[0]!;
    expect(values.map((step) => step.every((value) => value === 0))).toEqual([true, false, true]);
  }
});

test.each([
  ['LSTM', { activation: 'elu' }, 'LSTM: the argument activation="elu" is not supported; use "tanh" or "relu" or'],
  ['LSTM', { recurrentActivation: 'softplus' }, 'LSTM: the argument recurrentActivation="softplus" is not supported'],
  ['GRU', { activityRegularizer: 'l1' }, 'GRU: the argument activityRegularizer="l1" is not supported; leave it out'],
  ['GRU', { timeMajor: true }, 'GRU: the argument timeMajor=true is not supported; use false'],
  ['LSTM', { dropout: 1 }, 'rate must be in [0, 1), got 1'],
  ['SimpleRNN', { activation: 'elu' }, 'SimpleRNN: the argument activation="elu" is not supported'],
] as const)('%s refuses %o', (name, args, message) => {
  const classes = { LSTM, GRU, SimpleRNN };
  expect(() => new classes[name]({ units, ...args } as never)).toThrow(message);
});

test.each([
  ['SimpleRNN', () => new SimpleRNN({ units: 3, inputShape: [4, 2] })],
  ['GRU', () => new GRU({ units: 3, inputShape: [4, 2] })],
  ['LSTM', () => new LSTM({ units: 3, inputShape: [4, 2] })],
])('a model of %s holds its three weights and no other tensor', (_, layer) => {
  const before = tf.memory().numTensors;
  const model = tf.sequential({ layers: [layer()] });
  expect(tf.memory().numTensors - before).toBe(3);
  model.dispose();
});
