import { expect, test } from 'vitest';
import { decodeOnnx, encodeOnnx } from './file.js';
import { float32Tensor, int64Tensor, type OnnxGraph, prune } from './graph.js';

const body: OnnxGraph = {
  inputs: [{ name: 'state', dtype: 'float32', shape: [2] }],
  outputs: [{ name: 'next', dtype: 'float32', shape: [2] }],
  initializers: [float32Tensor('one', [], [1])],
  nodes: [{ opType: 'Add', inputs: ['state', 'one'], outputs: ['next'], attributes: {} }],
};

const graph: OnnxGraph = {
  inputs: [
    { name: 'x', dtype: 'float32', shape: ['batch', 3] },
    { name: 'flag', dtype: 'bool', shape: [] },
  ],
  outputs: [{ name: 'y', dtype: 'float32', shape: ['batch', 1] }],
  initializers: [
    float32Tensor('w', [3, 2], [1, -2, 3.5, 4, 5, 1e-7]),
    int64Tensor('axes', [-1, 2 ** 40]),
    { name: 'q', dtype: 'int8', shape: [2], data: Uint8Array.of(255, 1) },
    { name: 'h', dtype: 'float16', shape: [1], data: Uint8Array.of(0, 60) },
    { name: 'unused', dtype: 'uint8', shape: [0], data: new Uint8Array(0) },
  ],
  nodes: [
    {
      opType: 'Fused',
      domain: 'com.microsoft',
      inputs: ['x', '', 'w'],
      outputs: ['v'],
      attributes: {
        i: { i: -3 },
        f: { f: 0.5 },
        s: { s: 'añadir' },
        ints: { ints: [1, -2] },
        floats: { floats: [0.25] },
      },
    },
    { opType: 'Scan', inputs: ['v'], outputs: ['scanned'], attributes: { body: { g: body } } },
    { opType: 'Sum', inputs: ['scanned', 'axes', 'q', 'h', 'flag'], outputs: ['y'], attributes: {} },
  ],
  functions: [
    {
      domain: 'com.microsoft',
      name: 'Fused',
      inputs: ['a', 'b', 'c'],
      outputs: ['d'],
      nodes: [{ opType: 'Sum', inputs: ['a', 'b', 'c'], outputs: ['d'], attributes: {} }],
    },
  ],
};

test('a graph written and read is the same, including its nodes’ graphs and the functions that they call', () => {
  expect(decodeOnnx(encodeOnnx(graph))).toEqual(graph);
});

test('the same graph is the same file, to the byte', () => {
  expect(encodeOnnx(graph, { version: '1' })).toEqual(encodeOnnx(structuredClone(graph), { version: '1' }));
});

test('bytes that are not a model are refused', () => {
  expect(() => decodeOnnx(new Uint8Array(0))).toThrow('not an ONNX model: it has no graph');
  expect(() => decodeOnnx(new TextEncoder().encode('{"not": "protobuf"}'))).toThrow();
});

test('pruning drops the nodes and initializers on which no output depends', () => {
  const pruned = prune({
    ...graph,
    nodes: [...graph.nodes, { opType: 'Neg', inputs: ['unused'], outputs: ['nowhere'] }],
  });
  expect(pruned.nodes).toEqual(graph.nodes);
  expect(pruned.initializers.map(({ name }) => name)).toEqual(['w', 'axes', 'q', 'h']);
});
