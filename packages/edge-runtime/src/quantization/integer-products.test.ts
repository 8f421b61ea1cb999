// Products of integers in exported graphs must be exact on every processor. For uint8 activations and int8 weights,
// ONNX Runtime on x86 without VNNI multiplies by VPMADDUBSW, which adds pairs of products in 16 bits and saturates.
// This test does that arithmetic itself, so that the fault shows on any machine. processors.long.test.ts runs a bundle
// on such a processor, emulated.
import type { OnnxGraph, OnnxNode, OnnxTensor } from '@unroll/core/onnx';
import { describe, expect, test } from 'vitest';
import { olderGraph } from '../testing/older-graph.js';
import { randomReadingGraph, randomStepGraph } from '../testing/step-graph.js';
import { quantize } from './quantize.js';

/** ONNX Runtime's operators that multiply integers, with the index of the weights' input. */
const weightInputs: Readonly<Record<string, number>> = {
  MatMulInteger: 1,
  MatMulIntegerToFloat: 1,
  DynamicQuantizeMatMul: 1,
  QAttention: 1,
  ConvInteger: 1,
  QGemm: 3,
  QLinearMatMul: 3,
  QLinearConv: 3,
};

interface IntegerWeights {
  readonly isSigned: boolean;
  readonly integers: Int8Array | Uint8Array;
  /** Distance in integers between the weights of consecutive inputs. */
  readonly stride: number;
}

/** Column `column` of weights [inputs, outputs] times activations that all equal `activation`. */
function product({ integers, stride }: IntegerWeights, column: number, activation: number, addPairs: PairSum): number {
  const terms: number[] = [];
  for (let at = column; at < integers.length; at += stride) terms.push(activation * integers[at]!);
  let sum = 0;
  for (let k = 0; k < terms.length; k += 2) sum += addPairs(terms[k]!, terms[k + 1] ?? 0);
  return sum;
}

type PairSum = (a: number, b: number) => number;
const exactly: PairSum = (a, b) => a + b;
/** VPMADDUBSW. */
const saturating: PairSum = (a, b) => Math.min(32767, Math.max(-32768, a + b));

/** Whether a product with these weights is the same on processors without VNNI, for the largest activations. */
function isExact(weights: IntegerWeights): boolean {
  if (!weights.isSigned) return true; // both factors are unsigned: they are widened to 16 bits and added in 32
  return Array.from({ length: weights.stride }, (_, column) => column).every(
    (column) => product(weights, column, 255, exactly) === product(weights, column, 255, saturating),
  );
}

/** The weights of every product of integers, including those in the functions that the graph calls. */
function integerWeights(graph: OnnxGraph): IntegerWeights[] {
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const weightsIn = (
    nodes: readonly OnnxNode[],
    tensorOf: (name: string) => OnnxTensor | undefined,
  ): IntegerWeights[] =>
    nodes.flatMap((node) => {
      const called = graph.functions?.find(({ domain, name }) => domain === node.domain && name === node.opType);
      const argument = (name: string) => tensorOf(node.inputs[called!.inputs.indexOf(name)]!);
      if (called) return weightsIn(called.nodes, argument);
      const input = weightInputs[node.opType];
      return input === undefined ? [] : [weightsOf(tensorOf(node.inputs[input]!)!)];
    });
  return weightsIn(graph.nodes, (name) => tensors.get(name));
}

function weightsOf({ dtype, shape, data }: OnnxTensor): IntegerWeights {
  expect(['int8', 'uint8']).toContain(dtype);
  const isSigned = dtype === 'int8';
  return { isSigned, integers: isSigned ? new Int8Array(data.slice().buffer) : data, stride: shape.at(-1)! };
}

test('such a processor’s sum of 64 products of 255 and 127', () => {
  const signed = { isSigned: true, integers: new Int8Array(64).fill(127), stride: 1 };
  expect(product(signed, 0, 255, exactly)).toBe(2_072_640);
  expect(product(signed, 0, 255, saturating)).toBe(1_048_544);
  expect(isExact(signed)).toBe(false);
  expect(isExact({ ...signed, integers: new Int8Array(64).fill(64) })).toBe(true); // 7 bits
});

const sizes = { vocabSize: 301, embeddingDim: 72, hiddenDim: 72 };
const languageModels = {
  lstm: randomStepGraph({ ...sizes, cell: 'lstm', layers: 2 }),
  'gru, tied': randomStepGraph({ ...sizes, cell: 'gru', tieWeights: true }),
  'cifg, projected': randomStepGraph({ ...sizes, hiddenDim: 134, projectionDim: 72, cell: 'cifg' }),
  'lstm, adaptive softmax': randomStepGraph({ ...sizes, softmax: { name: 'adaptive', cutoffs: [60, 120] } }),
  'mingru, many tokens in a run': randomReadingGraph({ ...sizes, cell: 'mingru' }),
};

describe.each(Object.entries(languageModels))('%s', (_, graph) => {
  test.each(['int8', 'int8-weights', 'int8-blocks', 'int4'] as const)(
    'with %s weights is exact everywhere',
    (scheme) => {
      const products = integerWeights(quantize(graph, () => scheme));
      expect(products.length > 0).toBe(scheme === 'int8');
      expect(products.every(isExact)).toBe(true);
    },
  );

  test('in the form of older bundles is not exact', () => {
    const products = integerWeights(olderGraph(quantize(graph, () => 'int8')));
    expect(products.some((weights) => !isExact(weights))).toBe(true);
  });
});
