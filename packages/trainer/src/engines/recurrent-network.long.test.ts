// Networks that PyTorch lacks give the same results and gradients on the WebGPU engines as on the CPU, in both directions
// over unequal lengths; golden-networks.long.test.ts compares the others with PyTorch.

import * as tf from '@tensorflow/tfjs-core';
import {
  type Program,
  type RecurrentNetworkConfig,
  recurrentNetwork,
  recurrentNetworkConfig,
  recurrentParameterShapes,
  uniformParameters,
} from '@unroll/core';
import { describe, expect, test } from 'vitest';
import { reasonToSkip } from '../testing/gpu.js';
import type { EngineName } from './engine-names.js';
import { selectEngine } from './select.js';
import { absentWebGpuPackages } from './tensorflow-webgpu.js';

const [time, batch, inputDim, hiddenDim] = [5, 3, 2, 4];

const networks = {
  'gru, reset before': { cell: 'gru', resetAfter: false },
  'lstm with coupled gates, peepholes and a projection': {
    cell: 'lstm',
    coupledGates: true,
    peepholes: true,
    projectionDim: 3,
  },
} as const;

/** Returns the outputs and the gradients of the sum of their squares. */
function gradientsProgram(config: RecurrentNetworkConfig): Program {
  const shapes = recurrentParameterShapes(config);
  const float32 = (shape: readonly number[]) => ({ shape, dtype: 'float32' as const });
  return {
    inputs: {
      x: float32([time, batch, inputDim]),
      lengths: { shape: [batch], dtype: 'int32' },
      ...Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, float32(shape)])),
    },
    run: ({ x, lengths, ...parameters }) => {
      const names = Object.keys(shapes);
      let outputs: tf.Tensor | undefined;
      const loss = (...values: tf.Tensor[]) => {
        const given = Object.fromEntries(names.map((name, k) => [name, values[k]!]));
        const result = recurrentNetwork(config, given, x!, { lengths: lengths! });
        outputs = tf.keep(tf.clone(result.outputs));
        return tf.sum(tf.square(result.outputs)) as tf.Scalar;
      };
      const gradients = tf.grads(loss)(names.map((name) => parameters[name]!));
      return { outputs: outputs!, ...Object.fromEntries(names.map((name, k) => [`d ${name}`, gradients[k]!])) };
    },
  };
}

async function evaluate(engineName: EngineName, config: RecurrentNetworkConfig): Promise<Record<string, number[]>> {
  const engine = await selectEngine(engineName, 1);
  const executable = await engine.compile(gradientsProgram(config), []);
  const results = await executable.run({
    x: Float32Array.from({ length: time * batch * inputDim }, (_, k) => Math.sin(12.9898 * (k + 1))),
    lengths: Int32Array.of(3, 5, 1),
    ...uniformParameters(recurrentParameterShapes(config), { seed: 1, range: 0.8 }),
  });
  const copies = Object.fromEntries(Object.entries(results).map(([name, values]) => [name, [...values]]));
  await executable.dispose();
  return copies;
}

const absent = absentWebGpuPackages();
const reasons = {
  webgpu: await reasonToSkip('webgpu'),
  'tfjs-webgpu': absent.length > 0 ? `${absent.join(' and ')} not installed` : await reasonToSkip('tfjs-webgpu'),
};

describe.each(['webgpu', 'tfjs-webgpu'] as const)('%s', (engine) => {
  if (reasons[engine]) console.warn(`tests of recurrent networks on ${engine} are skipped: ${reasons[engine]}`);

  test.skipIf(reasons[engine]).each(Object.entries(networks))('computes a %s as the CPU does', async (_, options) => {
    const config = recurrentNetworkConfig({ ...options, inputDim, hiddenDim, layers: 2, bidirectional: true });
    const expected = await evaluate('onnxruntime', config);
    const actual = await evaluate(engine, config);
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, values] of Object.entries(expected)) {
      const tolerance = name === 'outputs' ? 1e-5 : 1e-4;
      values.forEach((value, k) => {
        expect(Math.abs(actual[name]![k]! - value), name).toBeLessThan(tolerance * Math.max(1, Math.abs(value)));
      });
    }
  });
});
