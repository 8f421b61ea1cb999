import * as tf from '@tensorflow/tfjs-core';
import { languageModelConfig, type NamedTensors, type TensorSpec, trace, trainingProgram } from '@unroll/core';
import { expect, test } from 'vitest';
import { readersFirst, rowUpdates, updatedInPlace } from './memory-plan.js';

const vector = (name: string): Record<string, TensorSpec> => ({ [name]: { shape: [3], dtype: 'float32' } });

const inPlace = (run: (inputs: NamedTensors) => NamedTensors) => [
  ...updatedInPlace(trace(run, { ...vector('x'), ...vector('y') })),
];

test('a value is overwritten by the sum that is made of it', () => {
  expect(inPlace(({ x, y }) => ({ 'next.x': tf.add(x!, y!) }))).toEqual(['x']);
});

test('a value is overwritten if all that read it come before', () => {
  expect(inPlace(({ x, y }) => ({ 'next.x': tf.sub(x!, tf.mul(tf.reshape(x!, [3]), y!)) }))).toEqual(['x']);
});

test('a value is kept if another output reads it, even through a view', () => {
  expect(inPlace(({ x, y }) => ({ 'next.x': tf.add(x!, y!), old: tf.neg(x!) }))).toEqual([]);
  expect(inPlace(({ x, y }) => ({ 'next.x': tf.add(x!, y!), old: tf.neg(tf.reshape(x!, [3, 1])) }))).toEqual([]);
  expect(inPlace(({ x, y }) => ({ 'next.x': tf.add(x!, y!), 'next.y': tf.add(x!, y!) }))).toEqual([]);
});

test('a value is kept where what is written is not computed element by element from it', () => {
  expect(inPlace(({ x, y }) => ({ 'next.x': tf.reverse(x!, 0), 'next.y': tf.mul(x!, 2), z: y! }))).toEqual([]);
});

test('a value is kept where its own elements are the rows that are put into another', () => {
  const ids = () => tf.tensor2d([[2], [1], [0]], [3, 1], 'int32');
  expect(inPlace(({ x, y }) => ({ 'next.x': tf.tensorScatterUpdate(y!, ids(), x!) }))).toEqual([]);
  expect(inPlace(({ x }) => ({ 'next.x': tf.tensorScatterUpdate(x!, ids(), tf.reshape(x!, [3])) }))).toEqual([]);
});

test('in a language model, SGD overwrites all parameters, the embedding only in some rows, and never the state', () => {
  const config = languageModelConfig({ cell: 'lstm', layers: 1, vocabSize: 9, embeddingDim: 4, hiddenDim: 5 });
  const program = trainingProgram(config, { batch: 2, time: 3 }, { optimizer: { name: 'sgd' }, clipNorm: 1 });
  const graph = trace(program.run, program.inputs);
  expect([...updatedInPlace(graph)].sort()).toEqual([
    'embedding.embeddings',
    'lstm.0.bias',
    'lstm.0.kernel',
    'lstm.0.recurrent_kernel',
    'output.bias',
    'output.kernel',
  ]);
  expect(rowUpdates(graph, updatedInPlace(graph))).toMatchObject([{ resident: 'embedding.embeddings', ids: 'ids' }]);
});

test('nodes that only read are listed after those that overwrite, and none is lost', () => {
  const config = languageModelConfig({ cell: 'rnn', layers: 1, vocabSize: 9, embeddingDim: 4, hiddenDim: 5 });
  const program = trainingProgram(config, { batch: 2, time: 3 }, { optimizer: { name: 'sgd' }, clipNorm: 1 });
  const graph = trace(program.run, program.inputs);
  const ordered = readersFirst(graph);
  expect(new Set(ordered.nodes)).toEqual(new Set(graph.nodes));
  const losses = ordered.nodes.findIndex(({ outputs }) => outputs.includes('tokenLosses'));
  const overwriting = ordered.nodes.findIndex(({ opType }) => opType === 'ScatterElements');
  expect(losses).toBeGreaterThan(overwriting);
});
