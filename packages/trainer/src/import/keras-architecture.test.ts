import { expect, test } from 'vitest';
import { parseKerasArchitecture } from './keras-architecture.js';

const layer = (class_name: string, name: string, config: object = {}) => ({ class_name, config: { name, ...config } });
const embedding = layer('Embedding', 'words', { input_dim: 9, output_dim: 4, mask_zero: false });
const gru = (options: object) => layer('GRU', 'memory', { units: 4, reset_after: true, ...options });
const lstm = (name: string, options: object = {}) => layer('LSTM', name, { units: 4, ...options });
const dense = (options: object = {}) => layer('Dense', 'scores', { units: 9, activation: 'softmax', ...options });
const sequential = (...layers: object[]) => ({ class_name: 'Sequential', config: { name: 'model', layers } });
const parse = (description: unknown) => parseKerasArchitecture(description, 'model.h5');

test('an embedding, recurrent layers and a dense layer are a language model, dropout between them or not', () => {
  const layers = [embedding, lstm('a'), layer('Dropout', 'd'), lstm('b'), dense({ activation: 'linear' })];
  const { cell, recurrent, output } = parse(sequential(...layers, layer('Activation', 's', { activation: 'softmax' })));
  expect(cell).toBe('lstm');
  expect(recurrent.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(output.name).toBe('scores');
});

test('the layers of @unroll/core count as those of Keras', () => {
  const layers = [
    { ...embedding, class_name: 'UnrollEmbedding' },
    { ...lstm('a'), class_name: 'UnrollLSTM' },
  ];
  expect(parse(sequential(...layers, { ...dense(), class_name: 'UnrollLinear' })).cell).toBe('lstm');
});

test.each([
  ['reset_after=false of a GRU', gru({ reset_after: false }), "layer 'memory' (GRU) has reset_after=false"],
  ['a GRU of Keras 1, which knows no other', gru({ reset_after: undefined }), 'has reset_after=false'],
  ['an activation', lstm('a', { activation: 'relu' }), `layer 'a' (LSTM) has activation="relu"`],
  ['a gate', lstm('a', { recurrent_activation: 'hard_sigmoid' }), 'has recurrent_activation="hard_sigmoid"'],
  ['a direction', lstm('a', { go_backwards: true }), 'has go_backwards=true'],
  [
    'an option that is not known',
    lstm('a', { peephole: 'all' }),
    `has peephole="all", which is not supported; only false is`,
  ],
  ['a gate of Keras 1', lstm('a', { inner_activation: 'hard_sigmoid' }), 'has inner_activation="hard_sigmoid"'],
  ['a quantized layer', lstm('a', { dtype: 'int8_from_float32' }), 'has dtype="int8_from_float32"'],
  ["a class of one's own", { ...lstm('a'), module: 'my.layers' }, "layer 'a' is a LSTM of 'my.layers', not of Keras"],
  ['a layer', layer('Bidirectional', 'both'), "layer 'both' is a Bidirectional"],
  ['recurrent layers of two kinds', [lstm('a'), gru({})], 'has the layers Embedding, LSTM, GRU, Dense'],
  ['a second dense layer', [lstm('a'), dense()], 'has the layers Embedding, LSTM, Dense, Dense'],
])('%s that is not supported is refused by name', (_, middle, message) => {
  expect(() => parse(sequential(embedding, ...[middle].flat(), dense()))).toThrow(message);
});

test('a masking embedding is refused by name', () => {
  const masking = layer('Embedding', 'words', { input_dim: 9, output_dim: 4, mask_zero: true });
  expect(() => parse(sequential(masking, lstm('a'), dense()))).toThrow("layer 'words' (Embedding) has mask_zero=true");
});

test('a functional model must be a chain', () => {
  const chained = (each: object, ...from: string[]) => ({
    ...each,
    inbound_nodes: from.length > 0 ? [from.map((name) => [name, 0, 0, {}])] : [],
  });
  const functional = (...layers: object[]) => ({ class_name: 'Functional', config: { layers } });
  const first = chained(embedding);
  const chain = [first, chained(lstm('a'), 'words'), chained(dense(), 'a')];
  expect(parse(functional(...chain)).cell).toBe('lstm');
  const branches = [first, chained(lstm('a'), 'words'), chained(dense(), 'words', 'a')];
  expect(() => parse(functional(...branches))).toThrow(
    "layer 'scores' takes words, a, expected the layer before it alone",
  );
  const twoOutputs = {
    ...functional(...chain),
    config: {
      layers: chain,
      output_layers: [
        ['scores', 0, 0],
        ['a', 0, 0],
      ],
    },
  };
  expect(() => parse(twoOutputs)).toThrow("its outputs are those of a, expected the last layer's alone");
});

test.each([
  ['Keras 2', [[['words', 0, 0, { training: true }]]]],
  [
    'Keras 3',
    [
      {
        args: [{ class_name: '__keras_tensor__', config: { keras_history: ['words', 0, 0] } }],
        kwargs: { mask: null, training: true },
      },
    ],
  ],
])('a layer of %s that is called as in training is refused by name', (_, inbound_nodes) => {
  const layers = [embedding, { ...lstm('a'), inbound_nodes }, dense()];
  expect(() => parse({ class_name: 'Functional', config: { layers } })).toThrow(
    "layer 'a' is called with training=true",
  );
});

test('a recurrent layer without an embedding before it, which reads one-hot vectors, is refused by its name', () => {
  expect(() => parse(sequential(lstm('reader'), dense()))).toThrow(
    "its first layer 'reader' (LSTM) reads one-hot vectors",
  );
});

test('what Keras 3 writes beside is known: policies of precision, shapes, masks that are not there', () => {
  const dtype = {
    module: 'keras',
    class_name: 'DTypePolicy',
    config: { name: 'mixed_bfloat16' },
    registered_name: null,
  };
  const options = {
    dtype,
    zero_output_for_mask: true,
    kernel_initializer: { class_name: 'Zeros' },
    quantization_config: null,
  };
  expect(
    parse(
      sequential(
        layer('InputLayer', 'ids', { batch_shape: [null, null], optional: false }),
        embedding,
        { ...lstm('a', options), module: 'keras.layers' },
        dense(),
      ),
    ).cell,
  ).toBe('lstm');
});

test.each([
  ['a subclass', { class_name: 'MyModel', config: {} }],
  ['nothing', null],
])('%s is refused', (_, description) => {
  expect(() => parse(description)).toThrow('describes no Sequential or Functional model');
});
