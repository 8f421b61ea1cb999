// Steps whose gradients and parameters arrive in parts, over real sockets. The simulation covers them under crashes.
import { expect, test } from 'vitest';
import type { GradientCodec } from '../codecs/codec.js';
import { startParameterServer } from '../server/start.js';
import type { NamedValues } from '../vectors/shard-vector.js';
import { connectParameterServers } from './connect.js';
import type { StepOptions } from './options.js';

const version = '1.2.3';
/** More than one chunk. */
const many = 300_000;
const ones = (length: number) => new Float32Array(length).fill(1);

/**
 * Makes one step from zeros with learning rate 1. Calls back when the update is done, and when all parameters have
 * arrived.
 */
async function step(
  options: () => Pick<StepOptions, 'gradients' | 'later' | 'first'>,
  check: (values: NamedValues, when: 'updated' | 'settled') => void,
  codec: GradientCodec = { name: 'float32' },
): Promise<void> {
  const server = await startParameterServer({ port: 0, workers: 1, version });
  const client = connectParameterServers({
    serverAddresses: [`127.0.0.1:${server.port}`],
    worker: 0,
    workers: 1,
    version,
    codec,
    parameters: [
      { name: 'first', shape: [4] },
      { name: 'last', shape: [many] },
    ],
    optimizer: { name: 'sgd' },
    clipNorm: undefined,
    lanes: { count: 1, width: 1 },
    run: 'parts',
    start: { values: async () => ({ parameters: { first: new Float32Array(4), last: new Float32Array(many) } }) },
  });
  const values = { first: new Float32Array(4), last: new Float32Array(many) };
  try {
    await client.enter(values);
    expect(await client.update({ ...options(), learningRate: 1, laneStates: ones(1) })).toBeDefined();
    check(values, 'updated');
    expect(await client.settle()).toBe(true);
    check(values, 'settled');
    await client.finish();
  } finally {
    await client.close();
    await server.close();
  }
}

test('an update waits for gradients that come later, and for the parameters that are named; the others come too', async () => {
  const options = () => ({
    gradients: { last: ones(many) },
    later: new Promise<NamedValues>((resolve) => setTimeout(() => resolve({ first: ones(4) }), 20)),
    first: new Set(['first']),
  });
  const seen: string[] = [];
  await step(options, ({ first, last }, when) => {
    seen.push(when);
    expect(first).toEqual(ones(4).fill(-1));
    if (when === 'settled') expect(last).toEqual(ones(many).fill(-1));
  });
  expect(seen).toEqual(['updated', 'settled']);
});

test('a codec, which looks at all gradients together, has those that come later too', async () => {
  const options = () => ({ gradients: { last: ones(many) }, later: Promise.resolve({ first: ones(4) }) });
  const check = ({ first, last }: NamedValues) =>
    expect({ first, last }).toEqual({ first: ones(4).fill(-1), last: ones(many).fill(-1) });
  await step(options, check, { name: 'bfloat16' });
});

test('gradients that cannot be computed end the update with what went wrong there', async () => {
  const options = () => ({
    gradients: { last: ones(many) },
    later: Promise.reject(new Error('no memory is left')),
  });
  await expect(step(options, () => undefined)).rejects.toThrow('no memory is left');
});
