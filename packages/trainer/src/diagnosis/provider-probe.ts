/**
 * A program of its own, because a missing driver may take the process down: computes something small with the engine
 * that the first argument names, and prints what that engine is.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { EngineName } from '../engines/engine-names.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError } from '../errors.js';

try {
  process.stdout.write(`${await computeWith(process.argv[2] as EngineName)}\n`);
} catch (error) {
  // The engines' own errors point to `unroll doctor`, which is who asks.
  throw error instanceof UnrollError ? error.cause : error;
}

async function computeWith(name: EngineName): Promise<string> {
  const engine = await selectEngine(name, 1);
  const executable = await engine.compile(
    {
      inputs: { x: { shape: [2, 2], dtype: 'float32' } },
      run: ({ x }) => ({ square: tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D) }),
    },
    [],
  );
  const { square } = await executable.run({ x: Float32Array.of(1, 2, 3, 4) });
  if (square!.join() !== '7,10,15,22') throw new Error(`computes a wrong product: ${square}`);
  await executable.dispose();
  return engine.description;
}
