import { createRequire } from 'node:module';
import util from 'node:util';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import {
  decodingProgram,
  defaultOptimizer,
  evaluationProgram,
  gradientProgram,
  type LanguageModelConfig,
  languageModelConfig,
  type Program,
  trainingProgram,
} from '@unroll/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { restoreRemovedFunctions } from './tensorflow-node.js';

// The package's JavaScript is enough: neither test computes with it, and its native part needs CUDA.
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

const shape = { batch: 2, time: 2 };

function programs(config: LanguageModelConfig): Record<string, Program> {
  const optimizers = (['sgd', 'momentum', 'adam', 'adamw'] as const).map(defaultOptimizer);
  return {
    ...Object.fromEntries(
      optimizers.map((optimizer) => [
        `training by ${optimizer.name}`,
        trainingProgram(config, shape, { optimizer, clipNorm: 1 }),
      ]),
    ),
    gradients: gradientProgram(config, shape),
    evaluation: evaluationProgram(config, shape),
    decoding: decodingProgram(config),
  };
}

/** The names of TensorFlow.js's own kernels; the others are ours, composed of them. */
const tensorFlowKernels = new Set<unknown>(Object.values(tf).filter((value) => typeof value === 'string'));

/** The TensorFlow.js kernels that a program calls when it runs op by op. */
async function kernelsOf({ inputs, run }: Program): Promise<string[]> {
  const zeros = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype }]) => [name, tf.zeros([...shape], dtype)]),
  );
  const { kernelNames } = await tf.profile(() => {
    tf.dispose(Object.values(run(zeros)));
    return tf.scalar(0);
  });
  return kernelNames.filter((name) => tensorFlowKernels.has(name));
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.skipIf(!installed)('@tensorflow/tfjs-node-gpu', () => {
  test.each(
    (['rnn', 'lstm', 'gru'] as const).flatMap((cell) =>
      [false, true].map((tieWeights) => [cell, tieWeights ? 'tied' : 'untied', tieWeights] as const),
    ),
  )('publishes every kernel that the programs of %s with %s weights call', async (cell, _, tieWeights) => {
    require(published('register_all_kernels.js'));
    const publishedKernels = new Set(tf.getKernelsForBackend('tensorflow').map(({ kernelName }) => kernelName));
    const config = languageModelConfig({
      ...{ cell, tieWeights, vocabSize: 5, embeddingDim: 3, hiddenDim: 3, layers: 2, dropout: 0.5 },
      recurrentBias: cell !== 'gru',
    });
    for (const [name, program] of Object.entries(programs(config))) {
      const called = await kernelsOf(program);
      expect(called, name).toContain('BatchMatMul');
      expect(
        called.filter((kernel) => !publishedKernels.has(kernel)),
        name,
      ).toEqual([]);
    }
  });

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
