/**
 * A separate program, because a missing driver may crash the process. It computes something small with the engine named
 * by its first argument, and prints the engine's description.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { EngineName } from '../engines/engine-names.js';
import { selectEngine } from '../engines/select.js';
import { UnrollError } from '../errors.js';

try {
  process.stdout.write(`${await computeWith(process.argv[2] as EngineName)}\n`);
} catch (error) {
  // The engines' own errors refer to `unroll doctor`, which is the caller here.
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
