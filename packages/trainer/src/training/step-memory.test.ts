import * as tf from '@tensorflow/tfjs-core';
import { trace } from '@unroll/core';
import { expect, test } from 'vitest';
import type { Engine } from '../engines/engine.js';
import { peakBytes } from '../engines/peak-bytes.js';
import { UnrollError } from '../errors.js';
import { outOfMemoryReason, StepMemory } from './step-memory.js';

async function memoryOf(bytes: number): Promise<StepMemory> {
  const memory = new StepMemory();
  const executable = { run: async () => ({}), dispose: async () => undefined, peakBytes: bytes };
  const engine: Engine = {
    description: 'an engine',
    allocate: () => {
      throw new Error('allocates nothing');
    },
    compile: async () => executable,
  };
  await memory.watched(engine).compile({ inputs: {}, run: () => ({}) }, []);
  return memory;
}

test('the estimate counts the values that are needed at the same time, and views once', () => {
  const input = { x: { shape: [100], dtype: 'float32' } } as const;
  const chain = trace(({ x }) => ({ y: tf.exp(tf.reshape(tf.exp(tf.exp(x!)), [10, 10])) }), input);
  expect(peakBytes(chain)).toBe(2 * 400);
  const kept = trace(({ x }) => {
    const [a, b, c] = [tf.exp(x!), tf.sin(x!), tf.cos(x!)];
    return { y: tf.add(tf.mul(tf.exp(a), a), tf.mul(b, c)) };
  }, input);
  expect(peakBytes(kept)).toBeGreaterThanOrEqual(4 * 400);
});

test('a step that will not fit is announced with the figures and the remedies', async () => {
  const memory = await memoryOf(6e9);
  expect(memory.notices(1, 7e9)).toEqual([]);
  expect(memory.notices(1, 4e9)[0]).toMatch(/about 6.0 GB, and 4.0 GB are free: .* --batch-size, .* --accumulate/);
  expect(memory.notices(2, 7e9)[0]).toMatch(/about 6.0 GB in each of 2 workers, and 7.0 GB are free/);
});

test.each([
  [
    'Failed to allocate memory for requested buffer of size 3400000000',
    /^out of memory: 3.4 GB were asked for at once/,
  ],
  ['std::bad_alloc', /^out of memory; a step needs about 6.0 GB; lower --batch-size/],
  ['Array buffer allocation failed', /^out of memory; .*--recompute-every$/],
])('"%s" is explained in one line', async (message, line) => {
  const explained = (await memoryOf(6e9)).explained(new RangeError(message));
  expect(explained).toBeInstanceOf(UnrollError);
  expect((explained as Error).message).toMatch(line);
});

test('other errors stay as they are', async () => {
  const errors = [new Error('a bug'), new UnrollError('out of memory, said already')];
  const memory = await memoryOf(1);
  for (const error of errors) expect(memory.explained(error)).toBe(error);
  expect(outOfMemoryReason('FATAL ERROR: Reached heap limit - JavaScript heap out of memory\n 1: 0xb8')).toMatch(
    /^out of memory/,
  );
  expect(outOfMemoryReason('unroll: no such file')).toBeUndefined();
});
