import { encodeOnnx, float32Tensor, type OnnxGraph } from '@unroll/core/onnx';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { quantizeKernels } from './int8-kernels.js';

const wave = (count: number) => Float32Array.from({ length: count }, (_, k) => Math.sin(k * 1.7) * (1 + (k % 7)));

/** A convolution whose kernel [kernel…, input, output] is transposed, as traced ones are, and an LSTM. */
const graphs: Record<string, OnnxGraph> = {
  'a convolution': {
    inputs: [{ name: 'x', dtype: 'float32', shape: [1, 16, 8, 8] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [1, 32, 6, 6] }],
    initializers: [float32Tensor('kernel', [3, 3, 16, 32], wave(3 * 3 * 16 * 32))],
    nodes: [
      { opType: 'Transpose', inputs: ['kernel'], outputs: ['moved'], attributes: { perm: { ints: [3, 2, 0, 1] } } },
      { opType: 'Conv', inputs: ['x', 'moved'], outputs: ['y'] },
    ],
  },
  'a depthwise convolution': {
    inputs: [{ name: 'x', dtype: 'float32', shape: [1, 512, 8, 8] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [1, 512, 6, 6] }],
    initializers: [float32Tensor('kernel', [3, 3, 512, 1], wave(3 * 3 * 512))],
    nodes: [
      { opType: 'Transpose', inputs: ['kernel'], outputs: ['moved'], attributes: { perm: { ints: [2, 3, 0, 1] } } },
      { opType: 'Conv', inputs: ['x', 'moved'], outputs: ['y'], attributes: { group: { i: 512 } } },
    ],
  },
  'an LSTM': {
    inputs: [{ name: 'x', dtype: 'float32', shape: [4, 1, 32] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [4, 1, 1, 32] }],
    initializers: [
      float32Tensor(
        'w',
        [1, 128, 32],
        wave(128 * 32).map((value) => value / 99),
      ),
      float32Tensor(
        'r',
        [1, 128, 32],
        wave(128 * 32).map((value) => value / 77),
      ),
    ],
    nodes: [{ opType: 'LSTM', inputs: ['x', 'w', 'r'], outputs: ['y'], attributes: { hidden_size: { i: 32 } } }],
  },
};

async function outputOf(bytes: Uint8Array, { inputs }: OnnxGraph): Promise<Float32Array> {
  const shape = inputs[0]!.shape as number[];
  const session = await InferenceSession.create(bytes);
  const x = new Tensor('float32', wave(shape.reduce((a, b) => a * b)), shape);
  const { y } = await session.run({ x });
  await session.release();
  return y!.data as Float32Array;
}

test.each(Object.entries(graphs))('%s computes nearly the same from half of the bytes', async (_, graph) => {
  const [whole, small] = [encodeOnnx(graph), encodeOnnx(quantizeKernels(graph))];
  expect(small.length).toBeLessThan(whole.length / 2);
  const [expected, found] = [await outputOf(whole, graph), await outputOf(small, graph)];
  const squares = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
  expect(squares(found.map((value, k) => value - expected[k]!)) / squares(expected)).toBeLessThan(0.02 ** 2);
});
