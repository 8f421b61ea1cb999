import * as tf from '@tensorflow/tfjs-core';
import {
  defaultOptimizer,
  evaluationProgram,
  languageModelConfig,
  parameterShapes,
  trace,
  trainingProgram,
} from '@unroll/core';
import { expect, test } from 'vitest';
import { type TinyTraining, trainTinyModel } from '../testing/training-trace.js';
import { rowUpdates, updatedInPlace } from './memory-plan.js';
import { onnxRuntimeEngine } from './onnxruntime.js';
import { repeated } from './repeated-graph.js';
import { selectEngine } from './select.js';
import { onRowsInUse, tablesByRows } from './table-rows.js';

const trainings: [string, TinyTraining][] = [
  ['sgd, the embedding by rows', { cell: 'lstm', optimizer: { name: 'sgd' } }],
  ['sgd with tied weights', { cell: 'gru', optimizer: { name: 'sgd' }, tieWeights: true }],
  ['momentum', { cell: 'rnn', optimizer: { name: 'momentum', momentum: 0.9 } }],
  ['adam', { cell: 'lstm', optimizer: { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } }],
  ['sgd in mixed precision', { cell: 'lstm', optimizer: { name: 'sgd' }, precision: 'mixed' }],
];

test.each(trainings)('two or four steps per call give the same bits as single steps: %s', async (_, training) => {
  const engine = await selectEngine('onnxruntime', 2);
  const single = await trainTinyModel(engine, training);
  for (const stepsAtOnce of [2, 4]) {
    expect(await trainTinyModel(engine, { ...training, stepsAtOnce })).toEqual(single);
  }
});

const byOne = onnxRuntimeEngine({ provider: 'cpu', threads: 2, oneByOne: true });

test.each(
  (['sgd', 'momentum', 'adam'] as const).flatMap((name) => [[name, 'untied'] as const, [name, 'tied'] as const]),
)('steps that are calls of their own, as with CUDA, come to the same bits: %s, %s weights', async (name, weights) => {
  const training = { cell: 'gru', optimizer: defaultOptimizer(name), tieWeights: weights === 'tied' } as const;
  expect(await trainTinyModel(byOne, training)).toEqual(
    await trainTinyModel(await selectEngine('onnxruntime', 2), training),
  );
});

const config = languageModelConfig({ cell: 'lstm', layers: 1, vocabSize: 9, embeddingDim: 4, hiddenDim: 5 });
const step = trainingProgram(config, { batch: 2, time: 3 }, { optimizer: { name: 'sgd' }, clipNorm: 1 });

test('a training step takes only the rows of the embedding that it uses, by their places', () => {
  const graph = trace(step.run, step.inputs);
  const tables = tablesByRows(graph, rowUpdates(graph, updatedInPlace(graph)));
  expect(tables).toMatchObject([{ resident: 'embedding.embeddings', ids: 'ids' }]);
  const { inputs, nodes } = onRowsInUse(graph, tables);
  expect(inputs.find(({ name }) => name === 'embedding.embeddings')?.shape).toEqual(['rows', 4]);
  const lookUp = nodes.filter((node) => node.inputs[0] === 'embedding.embeddings');
  expect(lookUp.length).toBeGreaterThan(1);
  for (const node of lookUp) expect(node.inputs[1]).toMatch(/^places\./);
});

test('a table that is read in another way is taken whole', () => {
  const graph = trace(
    ({ table, ids, rows }) => ({
      'next.table': tf.tensorScatterUpdate(table!, tf.reshape(ids!, [2, 1]), tf.add(rows!, tf.sum(table!))),
    }),
    {
      table: { shape: [5, 3], dtype: 'float32' },
      ids: { shape: [2], dtype: 'int32' },
      rows: { shape: [2, 3], dtype: 'float32' },
    },
  );
  const updates = rowUpdates(graph, updatedInPlace(graph));
  expect(updates).toMatchObject([{ resident: 'table' }]);
  expect(tablesByRows(graph, updates)).toEqual([]);
});

test('a program that leaves some of its residents as they are is not repeated', () => {
  const evaluation = evaluationProgram(config, { batch: 1, time: 3 });
  const parameters = new Set(Object.keys(parameterShapes(config)));
  expect(repeated(trace(evaluation.run, evaluation.inputs), parameters)).toBeUndefined();
  expect(repeated(trace(step.run, step.inputs), parameters)?.residents).toEqual([...parameters]);
});
