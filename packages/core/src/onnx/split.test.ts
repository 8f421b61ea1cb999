import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { languageModelConfig, stateShapes } from '../models/language-model-config.js';
import { rowGradientProgram } from '../models/language-model-programs.js';
import { elementCount } from '../tensors/shapes.js';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { trace } from '../tracing/trace.js';
import type { OnnxGraph } from './graph.js';
import { splitGraph } from './split.js';

const names = ({ inputs }: OnnxGraph) => inputs.map(({ name }) => name);

/** Runs the graphs one after another, each on the inputs and the results of those before it. */
async function runInTurn(graphs: readonly OnnxGraph[], inputs: Readonly<Record<string, Values>>) {
  const known: Record<string, Values> = { ...inputs };
  for (const graph of graphs) {
    const found = await runGraph(graph, known);
    for (const { name, dtype, shape } of graph.outputs) {
      known[name] = { values: found[name]!, shape, dtype } as Values;
    }
  }
  return known;
}

const config = languageModelConfig({ vocabSize: 50, embeddingDim: 4, hiddenDim: 4, layers: 2, cell: 'lstm' });
const batch = { batch: 2, time: 3 };
const program = rowGradientProgram(config, batch);
const stages = [
  Object.keys(stateShapes(config, batch.batch)).map((name) => `next.${name}`),
  ['tokenLosses', 'gradient.output.kernel', 'gradient.output.bias'],
];
const traced = trace(program.run, program.inputs);
const parts = splitGraph(traced, stages);

test('graphs run one after another compute the same as the whole graph, bit for bit', async () => {
  const inputs = Object.fromEntries(
    Object.entries(program.inputs).map(([name, { shape, dtype }], k) => {
      const value = (i: number) => (dtype === 'int32' ? (7 * i) % 50 : Math.sin(i + k) / 3);
      return [name, { shape, dtype, values: Array.from({ length: elementCount(shape) }, (_, i) => value(i)) }];
    }),
  );
  const [whole, inTurn] = [await runGraph(traced, inputs), await runInTurn(parts, inputs)];
  for (const { name } of traced.outputs) expect(inTurn[name]!.values, name).toEqual(whole[name]);
});

test('each output is computed by the first graph that is asked for it, and every node is in one graph', () => {
  const outputs = parts.map((part) => part.outputs.map(({ name }) => name));
  for (const [stage, wanted] of stages.entries()) expect(outputs[stage]).toEqual(expect.arrayContaining(wanted));
  expect(parts.flatMap(({ nodes }) => nodes)).toHaveLength(traced.nodes.length);
});

test('recurrent layers, and back-propagation through them, need nothing of the output layer', () => {
  const ofOutput = (name: string) => name.startsWith('output.');
  expect(parts.map((part) => names(part).some(ofOutput))).toEqual([false, true, false]);
});

test('scores of all words are not handed on', () => {
  const handed = parts.flatMap((part) => part.inputs.filter(({ name }) => !(name in program.inputs)));
  expect(handed.length).toBeGreaterThan(0);
  for (const { shape } of handed) expect(shape).not.toContain(config.vocabSize);
});

test('many values that only later graphs read are combined before they are handed on', () => {
  const vector = { shape: [4], dtype: 'float32' } as const;
  const graph = trace(
    ({ a, b, c }) => {
      const [first, second] = [tf.add(a!, 1), tf.mul(b!, 2)];
      return { early: tf.add(first, second), late: tf.mul(tf.concat([first, second]), tf.concat([c!, c!])) };
    },
    { a: vector, b: vector, c: vector },
  );
  const [, later] = splitGraph(graph, [['early']]);
  const handed = later!.inputs.filter(({ name }) => name !== 'c');
  expect(handed.map(({ shape }) => shape)).toEqual([[8]]);
});
