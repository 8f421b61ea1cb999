// PyTorch's outputs, last states and gradients on every installed engine: one network of each kind, with a layer in
// both directions over unequal lengths from given states. @unroll/core's own tests cover every combination.

import * as tf from '@tensorflow/tfjs-core';
import { type Program, recurrentNetwork, type TensorSpec } from '@unroll/core';
import { describe, test } from 'vitest';
import { type GoldenCase, goldenKinds, readGolden } from '../../../core/src/testing/golden.js';
import { type GoldenNetwork, goldenNetwork } from '../../../core/src/testing/golden-network.js';
import { expectClose } from '../../../core/src/testing/textbook.js';
import { obstacleOf, reasonToSkip } from '../testing/gpu.js';
import type { EngineName } from './engine-names.js';
import { selectEngine } from './select.js';
import { absentWebGpuPackages } from './tensorflow-webgpu.js';

const isTheOne = ({ layers, bidirectional, lengths, states }: GoldenCase) =>
  layers === 1 && bidirectional && lengths !== null && states.length > 0;

/** Returns the outputs, the last states, and the gradients of the weighted sum of both. */
function goldenProgram({ config, stateNames, parameters, ...network }: GoldenNetwork): Program {
  const names = Object.keys(network.gradients);
  const specOf = (name: string): TensorSpec => ({ shape: network.gradients[name]!.shape, dtype: 'float32' });
  const batch = network.gradients.x!.shape[1]!;
  return {
    inputs: {
      ...Object.fromEntries(names.map((name) => [name, specOf(name)])),
      lengths: { shape: [batch], dtype: 'int32' },
    },
    run: (inputs) => {
      const results: Record<string, tf.Tensor> = {};
      const loss = (...values: tf.Tensor[]) => {
        const given = Object.fromEntries(names.map((name, k) => [name, values[k]!]));
        const pick = (picked: readonly string[]) => Object.fromEntries(picked.map((name) => [name, given[name]!]));
        const options = { state: pick(stateNames), lengths: inputs.lengths! };
        const result = recurrentNetwork(config, pick(Object.keys(parameters)), given.x!, options);
        const outputs = [result.outputs, ...stateNames.map((name) => result.state[name]!)];
        const terms = outputs.map((output, k) => {
          results[`output.${k}`] = tf.keep(tf.clone(output));
          return tf.sum(tf.mul(output, tf.tensor([...network.weights[k]!.values], output.shape)));
        });
        return terms.reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
      };
      const gradients = tf.grads(loss)(names.map((name) => inputs[name]!));
      for (const [k, name] of names.entries()) results[`gradient.${name}`] = gradients[k]!;
      return results;
    },
  };
}

const absent = absentWebGpuPackages();
const engines: readonly { name: EngineName; outputs: number; gradients: number; reason: string | undefined }[] = [
  { name: 'onnxruntime', outputs: 1e-5, gradients: 1e-4, reason: undefined },
  { name: 'cuda', outputs: 1e-3, gradients: 1e-3, reason: await obstacleOf('cuda') },
  { name: 'tensorflow', outputs: 1e-3, gradients: 1e-3, reason: await obstacleOf('tensorflow') },
  { name: 'webgpu', outputs: 1e-3, gradients: 1e-3, reason: await reasonToSkip('webgpu') },
  {
    ...{ name: 'tfjs-webgpu', outputs: 1e-3, gradients: 1e-3 },
    reason: absent.length > 0 ? `${absent.join(' and ')} not installed` : await reasonToSkip('tfjs-webgpu'),
  },
];

describe.each(engines)('$name', ({ name: engineName, outputs, gradients, reason }) => {
  if (reason) console.warn(`golden networks on ${engineName} are skipped: ${reason}`);

  test.skipIf(reason).each(goldenKinds)(
    'computes PyTorch’s outputs, last states and gradients of a %s',
    async (kind) => {
      const file = readGolden(kind);
      const golden = file.cases.find(isTheOne)!;
      const network = goldenNetwork(kind, file, golden);
      const engine = await selectEngine(engineName, 1);
      const executable = await engine.compile(goldenProgram(network), []);
      const values = await executable.run({
        ...Object.fromEntries(
          Object.entries({ x: golden.x, ...network.parameters, ...network.states }).map(([name, given]) => [
            name,
            Float32Array.from(given.values),
          ]),
        ),
        lengths: Int32Array.from(golden.lengths!),
      });
      for (const [k, expected] of network.outputs.entries()) {
        expectClose([...values[`output.${k}`]!], expected.values, outputs);
      }
      for (const [name, expected] of Object.entries(network.gradients)) {
        expectClose([...values[`gradient.${name}`]!], expected.values, gradients);
      }
      await executable.dispose();
    },
  );
});
