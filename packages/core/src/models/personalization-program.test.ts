// Compares the training steps for devices with the programs that they derive from: same losses, and gradients that
// lower them.
import { describe, expect, test } from 'vitest';
import { defaultOptimizer } from '../optimizers/optimizer-config.js';
import { elementCount } from '../tensors/shapes.js';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { trace } from '../tracing/trace.js';
import { languageModelConfig, parameterShapes } from './language-model-config.js';
import { trainingProgram } from './language-model-programs.js';
import type { PersonalizationMethod } from './personalization-graphs.js';
import { personalizationProgram, personalizedShapes } from './personalization-program.js';

const shape = { batch: 2, time: 3 };
const methods: PersonalizationMethod[] = ['full', 'adapters', 'output-bias'];
const config = languageModelConfig({ vocabSize: 12, embeddingDim: 10, hiddenDim: 9, cell: 'gru' });
const tied = languageModelConfig({ vocabSize: 12, embeddingDim: 10, hiddenDim: 10, tieWeights: true });

/** Inputs of a first step: weights in [-0.5, 0.5]; slots, states and the second factors zero. */
function firstInputs(program: ReturnType<typeof personalizationProgram>): Record<string, Values> {
  return Object.fromEntries(
    Object.entries(program.inputs).map(([name, { shape, dtype }]) => {
      const size = elementCount(shape);
      const fill = (value: (i: number) => number) => ({
        shape,
        dtype,
        values: Array.from({ length: size }, (_, i) => value(i)),
      });
      if (dtype === 'int32') return [name, fill((i) => (5 * i + 3) % 12)];
      if (name === 'lossWeights') return [name, fill(() => 1 / 6)];
      if (name === 'learningRate') return [name, fill(() => 0.01)];
      if (name === 'step') return [name, fill(() => 1)];
      if (/^(m|v)\/|^[hc]\.\d|\.up$/.test(name)) return [name, fill(() => 0)];
      return [name, fill((i) => 0.5 * Math.sin(12.9898 * (i + 1) + name.length))];
    }),
  );
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe.each([
  ['gru, untied', config],
  ['lstm, tied', tied],
])('personalizing %s', (_, config) => {
  test('of all parameters is the training step by Adam, to the rounding of another order of sums', async () => {
    const program = personalizationProgram(config, shape, 'full');
    const inputs = firstInputs(program);
    const results = await runGraph(trace(program.run, program.inputs), inputs);
    const reference = trainingProgram(config, shape, { optimizer: defaultOptimizer('adam'), clipNorm: 1 });
    const expected = await runGraph(trace(reference.run, reference.inputs), inputs);
    expect(Object.keys(results).toSorted()).toEqual(Object.keys(expected).toSorted());
    // If a gradient is zero up to rounding, Adam's first update has either sign. Its moments show how large the
    // gradient was.
    for (const name of Object.keys(expected).filter((name) => !/^next\.[^/]*\.(kernel|bias|embeddings)/.test(name))) {
      for (const [i, value] of expected[name]!.entries()) expect(results[name]![i]).toBeCloseTo(value, 5);
    }
  });

  test.each(methods)('by the method %s starts at the model and lowers the loss', async (method) => {
    const program = personalizationProgram(config, shape, method);
    const graph = trace(program.run, program.inputs);
    const inputs = firstInputs(program);
    const before = await runGraph(graph, inputs);
    const reference = trainingProgram(config, shape, { optimizer: { name: 'sgd' }, clipNorm: 1 });
    const { tokenLosses } = await runGraph(trace(reference.run, reference.inputs), inputs);
    for (const [i, loss] of tokenLosses!.entries()) expect(before.tokenLosses![i]).toBeCloseTo(loss, 5);

    for (const [name, value] of Object.entries(before)) {
      const input = name.startsWith('next.') ? inputs[name.slice(5)] : undefined;
      if (input && !/^next\.[hc]\./.test(name)) inputs[name.slice(5)] = { ...input, values: value };
    }
    const after = await runGraph(graph, { ...inputs, step: { shape: [], values: [2] } });
    expect(sum(after.tokenLosses!)).toBeLessThan(sum(before.tokenLosses!));
  });

  test('by adapters trains two thin factors of each matrix, and the bias of the output', () => {
    const names = Object.keys(personalizedShapes(config, 'adapters'));
    const matrices = Object.entries(parameterShapes(config)).filter(([, { length }]) => length === 2);
    expect(names).toEqual([...matrices.flatMap(([name]) => [`${name}.down`, `${name}.up`]), 'output.bias']);
  });
});
