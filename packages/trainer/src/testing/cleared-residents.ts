/** For tests: checks that an engine's residents can be cleared, before a run and after. */
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import type { Engine } from '../engines/engine.js';

export async function expectCleared(engine: Engine): Promise<void> {
  const residents = engine.allocate({ count: { shape: [2], values: Float32Array.of(5, 6) } });
  const executable = await engine.compile(
    {
      inputs: { count: { shape: [2], dtype: 'float32' }, by: { shape: [], dtype: 'float32' } },
      run: ({ count, by }) => ({ 'next.count': tf.add(count!, by!) }),
    },
    [residents],
  );
  const runs = async () => {
    for (const by of [1, 2]) await executable.run({ by: Float32Array.of(by) });
    return [...(await residents.read('count'))];
  };
  expect(await runs()).toEqual([8, 9]);
  residents.clear();
  expect([...(await residents.read('count'))]).toEqual([0, 0]);
  residents.clear();
  expect(await runs()).toEqual([3, 3]);
  await executable.dispose();
  residents.dispose();
}
