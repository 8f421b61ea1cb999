import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, test } from 'vitest';
import { encodeOnnx } from '../onnx/file.js';
import { runGraph } from '../testing/onnx-runtime.js';
import { TraceError } from './backend.js';
import { type TensorSpec, trace } from './trace.js';

const vector: TensorSpec = { shape: [3], dtype: 'float32' };

beforeEach(async () => {
  await tf.setBackend('cpu');
});

test('inputs and outputs of the graph carry the names of the records', () => {
  const graph = trace(({ x, y }) => ({ sum: tf.add(x!, y!) }), { x: vector, y: vector });
  expect(graph.inputs).toEqual([
    { name: 'x', ...vector },
    { name: 'y', ...vector },
  ]);
  expect(graph.outputs).toEqual([{ name: 'sum', ...vector }]);
});

test('an input can be an output, and a value can be two outputs', async () => {
  const graph = trace(
    ({ x }) => {
      const doubled = tf.mul(x!, 2);
      return { same: x!, first: doubled, second: doubled, constant: tf.scalar(7) };
    },
    { x: vector },
  );
  const outputs = await runGraph(graph, { x: { shape: [3], values: [1, 2, 3] } });
  expect(outputs).toEqual({ same: [1, 2, 3], first: [2, 4, 6], second: [2, 4, 6], constant: [7] });
});

test('tensors that the function closes over become constants, a variable given as an input does not', async () => {
  const weights = tf.variable(tf.tensor1d([1, 2, 3]));
  const offset = tf.tensor1d([10, 20, 30]);
  const graph = trace(({ x }) => ({ y: tf.add(tf.mul(x!, weights), offset) }), { x: vector, weights });
  expect(graph.inputs.map(({ name }) => name)).toEqual(['x', 'weights']);
  expect(graph.initializers.map(({ shape }) => shape)).toEqual([[3]]);
  const outputs = await runGraph(graph, {
    x: { shape: [3], values: [1, 1, 1] },
    weights: { shape: [3], values: [4, 5, 6] },
  });
  expect(outputs.y).toEqual([14, 25, 36]);
  tf.dispose([weights, offset]);
});

test('the caller’s tensors keep their values and their backend, the active backend stays active, nothing is left', () => {
  const weights = tf.variable(tf.tensor1d([1, 2, 3]));
  const constant = tf.tensor1d([4, 5, 6]);
  const before = tf.memory().numTensors;
  const { backend } = tf.engine().state.tensorInfo.get(weights.dataId)!;
  trace(({ x }) => ({ y: tf.mul(tf.add(x!, weights), constant) }), { x: vector, weights });
  expect(tf.getBackend()).toBe('cpu');
  expect(tf.memory().numTensors).toBe(before);
  expect([...weights.dataSync(), ...constant.dataSync()]).toEqual([1, 2, 3, 4, 5, 6]);
  expect(tf.engine().state.tensorInfo.get(weights.dataId)!.backend).toBe(backend);
  tf.dispose([weights, constant]);
});

test('the same function gives the same file, to the byte', () => {
  const file = () =>
    encodeOnnx(trace(({ x }) => ({ y: tf.softmax(tf.add(tf.mul(x!, 0.5), tf.range(0, 3))) }), { x: vector }));
  expect(file()).toEqual(file());
});

test('nodes on which no output depends are not in the graph', () => {
  const graph = trace(
    ({ x }) => {
      tf.exp(tf.add(x!, tf.tensor1d([1, 2, 3])));
      return { y: tf.neg(x!) };
    },
    { x: vector },
  );
  expect(graph.nodes.map(({ opType }) => opType)).toEqual(['Neg', 'Identity']);
  expect(graph.initializers).toEqual([]);
});

describe('a function that cannot be traced is refused', () => {
  test.each([
    ['dataSync', (x: tf.Tensor) => x.dataSync()],
    ['arraySync', (x: tf.Tensor) => x.arraySync()],
    ['print', (x: tf.Tensor) => x.print()],
  ])('because %s reads a value that is known only when the graph runs', (_, read) => {
    const reading = () =>
      trace(
        ({ x }) => {
          read(tf.neg(x!));
          return {};
        },
        { x: vector },
      );
    expect(reading).toThrow(TraceError);
    expect(reading).toThrow('reads the value of a tensor that is known only when the graph runs');
  });

  test('because a kernel has no ONNX counterpart, and the error names it', () => {
    const unique = () => trace(({ x }) => ({ y: tf.unique(x!).values }), { x: vector });
    expect(unique).toThrow(TraceError);
    expect(unique).toThrow(
      "cannot trace the TensorFlow.js kernel 'Unique': the number of elements of its result depends",
    );
  });

  test('because ONNX Runtime lacks an op on integers or booleans, and the error names its kernel', () => {
    const flags = { shape: [3], dtype: 'bool' } as const;
    const absolute = () => trace(({ x }) => ({ y: tf.abs(x!) }), { x: flags });
    expect(absolute).toThrow(TraceError);
    expect(absolute).toThrow(
      'cannot trace Abs of bool tensors: Abs of bool is not in ONNX Runtime, only of float32 or int32; cast',
    );
  });

  test('because it draws random numbers, which would be constants, unless it gives the seed', () => {
    const drawing = (seed?: number) =>
      trace(({ x }) => ({ y: tf.mul(x!, tf.randomUniform([3], 0, 1, 'float32', seed)) }), { x: vector });
    expect(() => drawing()).toThrow('draws random numbers');
    expect(drawing(5).initializers).toHaveLength(1);
  });

  test.each<[string, (x: tf.Tensor4D) => tf.Tensor, string]>([
    ['a number pads an oblong kernel', (x) => tf.conv2d(x, tf.ones([3, 2, 2, 1]), 1, 1), 'oblong or dilated kernel'],
    [
      'channels come first',
      (x) => tf.conv2d(x, tf.ones([2, 2, 4, 1]), 1, 'valid', 'NCHW'),
      "dataFormat 'NCHW'; keep the channels last",
    ],
  ])('because %s', (_, fn, message) => {
    const image: TensorSpec = { shape: [1, 4, 4, 2], dtype: 'float32' };
    const traced = () => trace(({ x }) => ({ y: fn(x as tf.Tensor4D) }), { x: image });
    expect(traced).toThrow(TraceError);
    expect(traced).toThrow(message);
  });

  test('because it uses a tensor that has been disposed', () => {
    const gone = tf.tensor1d([1, 2, 3]);
    gone.dispose();
    expect(() => trace(({ x }) => ({ y: tf.add(x!, gone) }), { x: vector })).toThrow('disposed');
  });

  test('because it calls trace() itself', () => {
    const nested = () =>
      trace(
        ({ x }) => {
          trace(({ y }) => ({ y: tf.neg(y!) }), { y: vector });
          return { x: x! };
        },
        { x: vector },
      );
    expect(nested).toThrow('trace() was called by a function that is being traced');
  });

  test('because a tensor has a dtype that ONNX graphs here do not', () => {
    expect(() => trace(() => ({ y: tf.tensor1d(['a', 'b']) }), {})).toThrow("dtype 'string'");
  });

  test('and the active backend stays active', () => {
    expect(() => trace(({ x }) => ({ y: tf.unique(x!).values }), { x: vector })).toThrow();
    expect(tf.getBackend()).toBe('cpu');
    expect(() => trace(({ x }) => ({ y: tf.neg(x!) }), { x: vector })).not.toThrow();
  });
});

test('an ordinary TensorFlow.js model traces with its loss and gradients', async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.lstm({
        units: 5,
        inputShape: [6, 3],
        kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
        recurrentInitializer: tf.initializers.orthogonal({ seed: 2, gain: 1 }),
      }),
      tf.layers.dense({
        units: 4,
        activation: 'relu',
        kernelInitializer: tf.initializers.heNormal({ seed: 3 }),
      }),
      tf.layers.dense({ units: 2, kernelInitializer: tf.initializers.heNormal({ seed: 4 }) }),
    ],
  });
  const variables = Object.fromEntries(
    model.trainableWeights.map((weight) => [weight.originalName, weight.read() as tf.Variable]),
  );
  const program = ({ x, y }: Record<string, tf.Tensor>) => {
    const loss = () => tf.mean(tf.squaredDifference(model.apply(x!, { training: true }) as tf.Tensor, y!)) as tf.Scalar;
    const { value, grads } = tf.variableGrads(loss);
    const byName = Object.entries(variables).map(([name, variable]) => [`gradient.${name}`, grads[variable.name]!]);
    return { loss: value as tf.Tensor, ...Object.fromEntries(byName) } as Record<string, tf.Tensor>;
  };
  const x = tf.randomUniform([2, 6, 3], -1, 1, 'float32', 5);
  const y = tf.randomUniform([2, 2], -1, 1, 'float32', 6);
  const expected = program({ x, y });

  const graph = trace(program, {
    x: { shape: [2, 6, 3], dtype: 'float32' },
    y: { shape: [2, 2], dtype: 'float32' },
    ...variables,
  });
  const values = Object.entries({ x, y, ...variables }).map(([name, tensor]) => [
    name,
    { shape: tensor.shape, values: Array.from(tensor.dataSync()) },
  ]);
  const actual = await runGraph(graph, Object.fromEntries(values));

  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, tensor] of Object.entries(expected)) {
    const tolerance = name === 'loss' ? 1e-6 : 1e-5;
    tensor.dataSync().forEach((value, k) => {
      expect(Math.abs(actual[name]![k]! - value)).toBeLessThan(tolerance);
    });
  }
});

describe('names and shapes', () => {
  test("inputs may have the names of the tracer's own values", async () => {
    const specs = Object.fromEntries(
      ['v0', 'v1', 'constant_0', 'constant_1'].map((name) => [name, { shape: [1], dtype: 'float32' as const }]),
    );
    const graph = trace(
      (inputs) => ({ total: tf.add(tf.addN(Object.values(inputs).map((x, k) => tf.mul(x, k + 2))), 100) }),
      specs,
    );
    const inputs = Object.fromEntries(Object.keys(specs).map((name, k) => [name, { shape: [1], values: [k + 1] }]));
    expect(await runGraph(graph, inputs)).toEqual({ total: [2 + 6 + 12 + 20 + 100] });
  });

  test.each(['x', 'v0'])("refuses an output called '%s', which is taken", (name) => {
    const fn = ({ x }: { x?: tf.Tensor }) => ({ [name]: tf.add(tf.exp(x!), 1) });
    expect(() => trace(fn, { x: { shape: [2], dtype: 'float32' } })).toThrow(
      `output '${name}' has the name of an input or of another value of the graph; rename it`,
    );
  });

  test.each([[[-1, 3]], [[null as never, 3]], [[Number.NaN]], [[1.5]]])('refuses the shape %j', (shape) => {
    expect(() => trace(({ x }) => ({ y: tf.exp(x!) }), { x: { shape, dtype: 'float32' } })).toThrow(
      /^input 'x' has the shape \[.*\], whose dimensions are not all sizes; give each as a whole number/,
    );
  });
});
