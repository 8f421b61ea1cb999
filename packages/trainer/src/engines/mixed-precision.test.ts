import { initialParameters, languageModelConfig, parameterShapes, stateShapes, trace } from '@unroll/core';
import { mixedTrainingProgram } from '@unroll/core/internal';
import type { OnnxNode } from '@unroll/core/onnx';
import { describe, expect, test } from 'vitest';
import { largestDifference, trainTinyModel } from '../testing/training-trace.js';
import { residentValues, zeros } from './engine.js';
import { inMixedPrecision } from './mixed-precision.js';
import { selectEngine } from './select.js';

const optimizer = { name: 'sgd' } as const;
const cases = [
  ['rnn', false],
  ['lstm', false],
  ['gru', true],
] as const;

const config = languageModelConfig({ vocabSize: 9, embeddingDim: 4, hiddenDim: 4, layers: 1 });
const program = mixedTrainingProgram(config, { batch: 2, time: 2 }, { optimizer, clipNorm: 1 });

describe('the rewritten training step of an LSTM', () => {
  const graph = trace(program.run, program.inputs);
  const mixed = inMixedPrecision(graph);
  const isHalf = halfValues(mixed.nodes);

  test('has the same inputs and outputs, in float32', () => {
    expect(mixed.inputs).toEqual(graph.inputs);
    expect(mixed.outputs).toEqual(graph.outputs);
    expect(mixed.outputs.filter(({ name }) => isHalf(name))).toEqual([]);
  });

  test.each(['Gemm', 'Sigmoid', 'Tanh'])('computes every %s in float16', (opType) => {
    const nodes = mixed.nodes.filter((node) => node.opType === opType);
    expect(nodes).not.toEqual([]);
    expect(nodes.filter(({ inputs }) => !isHalf(inputs[0]!))).toEqual([]);
  });

  test('otherwise computes in float16 only what moves or combines elementwise', () => {
    const reading = mixed.nodes.filter(({ inputs }) => inputs.some(isHalf)).map(({ opType }) => opType);
    const elementwise = ['Add', 'Mul', 'Sub', 'Sigmoid', 'Tanh', 'Concat', 'Reshape', 'Slice', 'Split'];
    expect(reading.filter((opType) => !['Gemm', 'Cast', ...elementwise].includes(opType))).toEqual([]);
  });
});

/** Finds the float16 values: results of casts, and values computed from a float16 one where the types must agree. */
function halfValues(nodes: readonly OnnxNode[]): (name: string) => boolean {
  const half = new Set<string>();
  for (const { opType, inputs, outputs, attributes } of nodes) {
    const to = attributes?.to;
    const isHalf = opType === 'Cast' ? to !== undefined && 'i' in to && to.i === 10 : half.has(inputs[0]!);
    if (isHalf) for (const output of outputs) half.add(output);
  }
  return (name) => half.has(name);
}

describe('training in mixed precision', () => {
  test.each(cases)('%s on the CPU, tied: %s, stays near float32', async (cell, tieWeights) => {
    const engine = await selectEngine('onnxruntime', 1);
    const expected = await trainTinyModel(engine, { cell, tieWeights, optimizer });
    const actual = await trainTinyModel(engine, { cell, tieWeights, optimizer, precision: 'mixed' });
    const difference = largestDifference(actual, expected);
    expect(difference).toBeLessThan(1e-2);
    expect(difference).toBeGreaterThan(1e-6);
  });

  test('is refused in one line by an engine without float16', async () => {
    const training = { cell: 'rnn', optimizer, precision: 'mixed' } as const;
    await expect(trainTinyModel(await selectEngine('cpu', 1), training)).rejects.toThrow(
      'tensorflow.js (cpu) has no float16: leave out --precision mixed',
    );
  });
});

describe('loss scaling', () => {
  /** Makes one step that starts with the loss scaled by 2^(16 + exponent), after this many good steps. */
  async function stepWith(exponent: number, goodSteps: number) {
    const engine = await selectEngine('onnxruntime', 1);
    const initial = initialParameters(config, { seed: 1 });
    const parameters = engine.allocate(residentValues(parameterShapes(config), structuredClone(initial)));
    const scaling = engine.allocate({
      'lossScaling/exponent': { shape: [], values: Float32Array.of(exponent) },
      'lossScaling/goodSteps': { shape: [], values: Float32Array.of(goodSteps) },
    });
    const state = engine.allocate(zeros(stateShapes(config, 2)));
    const executable = await engine.compile(program, [parameters, scaling, state]);
    await executable.run({
      ids: Int32Array.of(1, 2, 3, 4),
      targets: Int32Array.of(2, 3, 4, 5),
      lossWeights: new Float32Array(4).fill(1 / 4),
      learningRate: Float32Array.of(0.1),
      step: Float32Array.of(1),
    });
    const changed = (await parameters.read('output.kernel')).some((value, k) => value !== initial['output.kernel']![k]);
    const after = [...(await scaling.read('lossScaling/exponent')), ...(await scaling.read('lossScaling/goodSteps'))];
    await executable.dispose();
    return { changed, after };
  }

  test('counts a good step', async () => {
    expect(await stepWith(0, 7)).toEqual({ changed: true, after: [0, 8] });
  });

  test('doubles the scale at the 2000th good step in a row', async () => {
    expect(await stepWith(-3, 1999)).toEqual({ changed: true, after: [-2, 0] });
  });

  test('halves the scale at a step whose gradients overflow, and changes no parameter', async () => {
    expect(await stepWith(60, 1999)).toEqual({ changed: false, after: [59, 0] });
  });
});
