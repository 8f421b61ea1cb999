import { createRequire } from 'node:module';
import util from 'node:util';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { languageModelPrograms, type ProgramWithInputs, taskPrograms } from '../testing/every-program.js';
import { restoreRemovedFunctions } from './tensorflow-node.js';

// The package's JavaScript is enough, as neither test computes with it; its native part needs CUDA.
const require = createRequire(import.meta.url);
const published = (file: string) => `@tensorflow/tfjs-node-gpu/dist/${file}`;
const installed = (() => {
  try {
    return require.resolve(published('register_all_kernels.js')) !== '';
  } catch {
    return false;
  }
})();
if (!installed) console.warn('@tensorflow/tfjs-node-gpu is not installed: what it publishes is not tested');

/** The names of TensorFlow.js's own kernels. The others are ours, and are composed of them. */
const tensorFlowKernels = new Set<unknown>(Object.values(tf).filter((value) => typeof value === 'string'));

/** Returns the TensorFlow.js kernels that a program calls when it runs op by op. */
async function kernelsOf({ program, inputs }: ProgramWithInputs): Promise<string[]> {
  const given = Object.fromEntries(
    Object.entries(program.inputs).map(([name, { shape, dtype }]) => [
      name,
      tf.tensor(inputs[name]!, [...shape], dtype),
    ]),
  );
  const { kernelNames } = await tf.profile(() => {
    tf.dispose(Object.values(program.run(given)));
    return tf.scalar(0);
  });
  tf.dispose(given);
  return kernelNames.filter((name) => tensorFlowKernels.has(name));
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.skipIf(!installed)('@tensorflow/tfjs-node-gpu', () => {
  test.each(Object.entries({ ...languageModelPrograms(), ...taskPrograms() }))(
    'publishes every kernel that a program calls: %s',
    async (_, program) => {
      require(published('register_all_kernels.js'));
      const publishedKernels = new Set(tf.getKernelsForBackend('tensorflow').map(({ kernelName }) => kernelName));
      const called = await kernelsOf(program);
      expect(called).not.toEqual([]);
      expect(called.filter((kernel) => !publishedKernels.has(kernel))).toEqual([]);
    },
  );

  test('runs without the util functions that Node 23 removed', () => {
    const { createTensorsTypeOpAttr } = require(published('nodejs_kernel_backend.js')) as {
      createTensorsTypeOpAttr(name: string, dtype: null): unknown;
    };
    Object.assign(util, { isNullOrUndefined: undefined, isArray: undefined });
    expect(() => createTensorsTypeOpAttr('T', null)).toThrow(TypeError);
    restoreRemovedFunctions();
    expect(() => createTensorsTypeOpAttr('T', null)).toThrow('Invalid input tensors value');
  });
});
