import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { uniformParameters } from '../models/initial-parameters.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { recurrentNetwork } from './network.js';
import { type RecurrentNetworkConfig, recurrentNetworkConfig, recurrentParameterShapes } from './network-config.js';
import { recurrentParametersFromTorch } from './torch-parameters.js';

const [time, batch, inputDim, hiddenDim] = [4, 2, 3, 2];
const sizes = { inputDim, hiddenDim };

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const input = () => tf.randomUniform([time, batch, inputDim], -1, 1, 'float32', 1);

function parametersOf(config: RecurrentNetworkConfig): NamedTensors {
  const shapes = recurrentParameterShapes(config);
  const values = uniformParameters(shapes, { seed: 1, range: 1 });
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, tf.tensor(values[name]!, [...shape])]),
  );
}

const numbers = (tensor: tf.Tensor) => Array.from(tensor.dataSync());

describe('a recurrent network', () => {
  test('names its parameters by layer and direction, and after whatever it is part of', () => {
    const config = recurrentNetworkConfig({ ...sizes, cell: 'gru', layers: 2, bidirectional: true, name: 'encoder' });
    expect(recurrentParameterShapes(config)).toMatchObject({
      'encoder.0.kernel': [inputDim, 3 * hiddenDim],
      'encoder.0_reverse.recurrent_bias': [3 * hiddenDim],
      'encoder.1.kernel': [2 * hiddenDim, 3 * hiddenDim],
      'encoder.1_reverse.recurrent_kernel': [hiddenDim, 3 * hiddenDim],
    });
  });

  test('ignores values after a sequence’s end, and outputs zeros there', () => {
    const config = recurrentNetworkConfig({ ...sizes, cell: 'lstm', layers: 2, bidirectional: true });
    const parameters = parametersOf(config);
    const lengths = tf.tensor1d([4, 2], 'int32');
    const padding = tf.tensor3d(
      [0, 0, 0, 0, 0, 1, 0, 1].flatMap((end) => [end, end, end]),
      [time, batch, inputDim],
    );
    const [first, other] = [0, 100].map((value) => {
      const x = tf.add(input(), tf.mul(padding, value));
      const { outputs, state } = recurrentNetwork(config, parameters, x, { lengths });
      return [outputs, ...Object.values(state)].map(numbers);
    });
    expect(other).toEqual(first);
    const width = 2 * hiddenDim;
    const atEnd = [2, 3].flatMap((t) => first![0]!.slice((t * batch + 1) * width, (t * batch + 2) * width));
    expect(new Set(atEnd.map(Math.abs))).toEqual(new Set([0]));
  });

  test('multiplies the values between its layers by the dropout masks', () => {
    const config = recurrentNetworkConfig({ ...sizes, cell: 'rnn', layers: 2 });
    const parameters = parametersOf(config);
    const x = input();
    const mask = tf.tensor3d([2, 0], [1, 1, hiddenDim]);
    const { outputs } = recurrentNetwork(config, parameters, x, { dropoutMasks: [mask] });
    // Equivalent to scaling the rows of the second layer's kernel.
    const kernel = tf.mul(parameters['rnn.1.kernel']!, tf.reshape(mask, [hiddenDim, 1]));
    const scaled = recurrentNetwork(config, { ...parameters, 'rnn.1.kernel': kernel }, x);
    numbers(outputs).forEach((value, k) => {
      expect(value).toBeCloseTo(numbers(scaled.outputs)[k]!, 6);
    });
    const plain = recurrentNetwork(config, parameters, x);
    expect(numbers(plain.outputs)).not.toEqual(numbers(outputs));
  });

  test.each([
    [{ cell: 'gru', projectionDim: 2 }, "projectionDim is an option of 'lstm', not of 'gru'; leave it out"],
    [{ cell: 'rnn', peepholes: true }, "peepholes is an option of 'lstm', not of 'rnn'; leave it out"],
    [{ cell: 'lstm', nonlinearity: 'relu' }, "nonlinearity is an option of 'rnn', not of 'lstm'; leave it out"],
    [{ cell: 'lstm', resetAfter: false }, "resetAfter is an option of 'gru', not of 'lstm'; leave it out"],
    [{ cell: 'rnn', nonlinearity: 'elu' as 'relu' }, "nonlinearity must be tanh or relu, got 'elu'"],
    [{ cell: 'mlp' as 'rnn' }, "cell must be one of rnn, lstm, gru, mingru, minlstm, got 'mlp'"],
    [{ cell: 'mingru', recurrentBias: true }, 'recurrentBias: a mingru has no recurrent weights; leave it out'],
    [{ cell: 'gru', resetAfter: false, recurrentBias: true }, 'recurrentBias: a GRU that resets before the product'],
    [{ cell: 'rnn', layers: 0 }, 'layers must be a positive integer, got 0'],
  ] as const)('configured with %o is refused by name', (options, message) => {
    expect(() => recurrentNetworkConfig({ ...sizes, ...options })).toThrow(message);
  });

  test('names a parameter, a state or an input that is missing or does not fit', () => {
    const config = recurrentNetworkConfig({ ...sizes, cell: 'lstm' });
    const parameters = parametersOf(config);
    const { 'lstm.0.bias': bias, ...others } = parameters;
    expect(() => recurrentNetwork(config, others, input())).toThrow("'lstm.0.bias' [8] is missing");
    const wrong = { ...others, 'lstm.0.bias': tf.concat([bias!, bias!]) };
    expect(() => recurrentNetwork(config, wrong, input())).toThrow("'lstm.0.bias' is [16], the configuration says [8]");
    const state = { 'h.0': tf.zeros([batch, hiddenDim]) };
    expect(() => recurrentNetwork(config, parameters, input(), { state })).toThrow("'c.0' [2,2] is missing");
    const narrow = tf.zeros([time, batch, 1]);
    expect(() => recurrentNetwork(config, parameters, narrow)).toThrow(
      "'x' is [4,2,1], the configuration says [4,2,3]",
    );
  });
});

describe('parameters of PyTorch', () => {
  const config = recurrentNetworkConfig({ cell: 'rnn', inputDim: 2, hiddenDim: 1 });
  const weights = {
    'encoder.weight_ih_l0': { shape: [1, 2], values: [1, 2] },
    'encoder.weight_hh_l0': { shape: [1, 1], values: [3] },
  };

  test('may have a prefix and lack biases', () => {
    expect(recurrentParametersFromTorch(config, weights, 'encoder.')).toEqual({
      'rnn.0.kernel': Float32Array.of(1, 2),
      'rnn.0.recurrent_kernel': Float32Array.of(3),
      'rnn.0.bias': Float32Array.of(0),
    });
  });

  test('keep both biases in a network whose recurrent product has one', () => {
    const biases = {
      'encoder.bias_ih_l0': { shape: [1], values: [4] },
      'encoder.bias_hh_l0': { shape: [1], values: [5] },
    };
    const read = (recurrentBias: boolean) =>
      recurrentParametersFromTorch({ ...config, recurrentBias }, { ...weights, ...biases }, 'encoder.');
    expect(read(true)).toMatchObject({ 'rnn.0.bias': Float32Array.of(4), 'rnn.0.recurrent_bias': Float32Array.of(5) });
    expect(read(false)['rnn.0.bias']).toEqual(Float32Array.of(9));
  });

  test('are refused if they are missing, have another shape, or belong to a network that PyTorch does not have', () => {
    expect(() => recurrentParametersFromTorch(config, weights)).toThrow("'weight_ih_l0' [1,2] is missing");
    const wide = recurrentNetworkConfig({ cell: 'rnn', inputDim: 3, hiddenDim: 1 });
    expect(() => recurrentParametersFromTorch(wide, weights, 'encoder.')).toThrow(
      "'encoder.weight_ih_l0' is [1,2], the configuration says [1,3]",
    );
    const coupled = recurrentNetworkConfig({ cell: 'lstm', inputDim: 2, hiddenDim: 1, coupledGates: true });
    expect(() => recurrentParametersFromTorch(coupled, {})).toThrow('PyTorch has no lstm with coupledGates');
  });
});
