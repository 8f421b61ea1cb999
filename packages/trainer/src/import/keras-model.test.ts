import { expect, test } from 'vitest';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { parseKerasArchitecture } from './keras-architecture.js';
import { modelFromKeras } from './keras-model.js';

const layer = (class_name: string, name: string, config: object) => ({ class_name, config: { name, ...config } });
const zeros = (...shape: number[]): NamedArray => ({ shape, values: new Float32Array(shape.reduce((a, b) => a * b)) });

/** Imports a model of one simple recurrent layer, 5 words, 2 and 3 wide, after changing some of its weights. */
function imported(changed: Record<string, NamedArray | undefined>, options: object = {}) {
  const layers = [
    layer('Embedding', 'words', { input_dim: 5, output_dim: 2 }),
    layer('SimpleRNN', 'memory', { units: 3, activation: 'tanh', ...options }),
    layer('Dense', 'scores', { units: 5, activation: 'softmax' }),
  ];
  const weights: Record<string, NamedArray | undefined> = {
    'words/embeddings': zeros(5, 2),
    'memory/kernel': zeros(2, 3),
    'memory/recurrent_kernel': zeros(3, 3),
    'memory/bias': { shape: [3], values: Float32Array.of(1, 2, 3) },
    'scores/kernel': zeros(3, 5),
    'scores/bias': zeros(5),
    ...changed,
  };
  const architecture = parseKerasArchitecture({ class_name: 'Sequential', config: { layers } }, 'model.h5');
  return modelFromKeras({ architecture, weight: ({ name }, kind) => weights[`${name}/${kind}`] }, 'model.h5');
}

test.each([
  ['memory/kernel', zeros(4, 3), "tensor 'memory/kernel' of layer 'memory' is [4, 3], expected [2, 3]"],
  ['scores/kernel', zeros(3, 6), "tensor 'scores/kernel' of layer 'scores' is [3, 6], expected [3, 5]"],
  ['words/embeddings', undefined, "tensor 'words/embeddings' of layer 'words' is missing, expected [5, 2]"],
  ['memory/bias', undefined, "tensor 'memory/bias' of layer 'memory' is missing, expected [3]"],
])('%s that does not fit is refused with its layer and both shapes', (name, tensor, message) => {
  expect(() => imported({ [name]: tensor })).toThrow(`model.h5: ${message}`);
});

test('a layer with use_bias=false has biases of zero', () => {
  expect([...imported({}).parameters['rnn.0.bias']!]).toEqual([1, 2, 3]);
  expect([...imported({ 'memory/bias': undefined }, { use_bias: false }).parameters['rnn.0.bias']!]).toEqual([0, 0, 0]);
});
