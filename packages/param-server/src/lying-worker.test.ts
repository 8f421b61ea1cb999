// A worker that was let in and lies, over real sockets. Workers are trusted with the parameters; these tests hold what they
// are not trusted with: keeping others out for good, deleting snapshots, having the honest worker refused, and making a
// server serve or save what is not finite.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ShardConnection } from './client/shard-connection.js';
import { connectParameterServers, type ParameterClientOptions, startParameterServer } from './index.js';
import { type Chunk, float32Bytes } from './vectors/shard-vector.js';
import { writeModel } from './wire/wire-messages.js';

const model = {
  parameters: [{ name: 'kernel', shape: [4] }],
  optimizer: { name: 'sgd' as const },
  clipNorm: undefined as number | undefined,
  lanes: { count: 2, width: 1 },
  run: 'a run',
};
const place = { workers: 2, version: '1' };
const last = Number.MAX_SAFE_INTEGER;
let folder: string;
let notices: string[];
const cleanups: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroll-lies-'));
  notices = [];
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true });
});

const whole = (...values: number[]): Chunk => ({ offsets: [0], data: float32Bytes(Float32Array.from(values)) });

async function serve(shards: number, every = 1): Promise<string[]> {
  const addresses: string[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const snapshots = { folder, every, keep: 3 };
    const onNotice = (line: string) => notices.push(line);
    const server = await startParameterServer({ port: 0, ...place, shard, shards, snapshots, onNotice });
    cleanups.push(() => server.close());
    addresses.push(`127.0.0.1:${server.port}`);
  }
  return addresses;
}

function honest(servers: string[], worker: number, options: Partial<ParameterClientOptions> = {}) {
  const client = connectParameterServers({
    ...{ serverAddresses: servers, worker, ...place, ...model },
    start: { values: async () => ({ parameters: { kernel: Float32Array.of(1, 2, 3, 4) } }) },
    ...options,
  });
  cleanups.push(() => client.close().catch(() => undefined));
  return client;
}

/** A process that speaks the wire itself. */
function liar(servers: string[], worker: number, described = model) {
  const caller = { worker, incarnation: 1234 + worker, generation: 1, lease: 0 };
  const connections = servers.map((address, shard) => {
    const options = { address, shard, shards: servers.length, callSeconds: 20, patienceSeconds: 20 };
    const connection = new ShardConnection(options);
    cleanups.push(() => connection.close());
    return connection;
  });
  const join = (shard: number, claim = {}) =>
    connections[shard]!.join({ caller, ...place, shard, shards: servers.length, ...writeModel(described), ...claim });
  const push = async (step: number, gradient: Chunk, said = {}) => {
    const [connection] = connections;
    await connection!.upload({ caller, step, vector: 'gradient' }, [gradient]);
    await connection!.upload({ caller, step, vector: 'lanes' }, []);
    const lanes = { lanesFrom: worker, lanesTo: worker + 1, counted: [] };
    return connection!.push({ caller, step, learningRate: 0.5, ...lanes, ...said });
  };
  return { caller, connections, join, push };
}

const step = (...gradient: number[]) => ({
  gradients: { kernel: Float32Array.from(gradient) },
  learningRate: 0.5,
  laneStates: new Float32Array(1),
});

test('who claims the last number of the join order as worker 0 keeps the real one out only until it starts again', async () => {
  const servers = await serve(2);
  const first = honest(servers, 0);
  const parameters = { kernel: new Float32Array(4) };
  await first.enter(parameters);
  const { join } = liar(servers, 0);
  await join(1, { ordinal: last, chief: true });
  await join(0, { above: last - 1 });
  const again = honest(servers, 0);
  await again.enter(parameters);
  expect([...parameters.kernel]).toEqual([1, 2, 3, 4]);
});

test('nobody is told another process by which it could speak', async () => {
  const servers = await serve(1);
  await honest(servers, 0).enter({ kernel: new Float32Array(4) });
  const { join, caller, connections } = liar(servers, 1);
  const answer = await join(0);
  const impostor = { ...caller, worker: 0, incarnation: answer.begunBy! };
  await expect(connections[0]!.leave({ caller: impostor, finished: true })).rejects.toThrow('worker 0 has not joined');
});

test('who begins the run with values of its own deletes no snapshot', async () => {
  const servers = await serve(1);
  const [first, second] = [honest(servers, 0), honest(servers, 1)];
  await Promise.all([first, second].map((client) => client.enter({ kernel: new Float32Array(4) })));
  for (let k = 0; k < 3; k++) await Promise.all([first.update(step(1, 0, 0, 0)), second.update(step(0, 1, 0, 0))]);
  await Promise.all([first.snapshot(), second.snapshot()]);
  const name = 'shard-0-of-1-step-2.snapshot';
  const before = readFileSync(join(folder, name));
  const { join: enter, caller, connections } = liar(servers, 0);
  await enter(0);
  for (const vector of ['parameters', 'lanes']) {
    await connections[0]!.upload({ caller: { ...caller, generation: 2 }, step: 2 ** 31 - 5, vector }, []);
  }
  const begin = { caller: { ...caller, generation: 2 }, generation: 2 };
  await expect(connections[0]!.initialize({ ...begin, step: 2 ** 31 })).rejects.toThrow('claim 2147483648 updates');
  await connections[0]!.initialize({ ...begin, step: 2 ** 31 - 5 });
  await expect.poll(() => readdirSync(folder)).toContain(`${name}.replaced`);
  expect(readFileSync(join(folder, `${name}.replaced`))).toEqual(before);
});

test('where steps are common, a false norm has its worker refused, and the honest one goes on', async () => {
  const servers = await serve(1);
  const clipped = { ...model, clipNorm: 1 };
  const parameters = { kernel: new Float32Array(4) };
  const first = honest(servers, 0, clipped);
  await first.enter(parameters);
  const { join, push, caller, connections } = liar(servers, 1, clipped);
  await join(0);
  const pushed = push(0, whole(30, 0, 0, 0));
  const made = first.update(step(0, 40, 0, 0));
  await pushed;
  const lie = connections[0]!.commit({ caller, step: 0, sumOfSquares: 0 });
  const refusal = lie.then(
    () => 'made',
    (error: Error) => error.message,
  );
  expect(await made).toMatchObject({ gradientNorm: 50 });
  // The lie may come after the step has been made: then it changes nothing.
  expect(['made', expect.stringContaining('worker 1 says that the squared norm')]).toContainEqual(await refusal);
  expect([...parameters.kernel].map((value) => value.toFixed(5))).toEqual(['0.70000', '1.60000', '3.00000', '4.00000']);
});

test('at its own pace, a worker that says a small norm to escape the clipping is refused by name', async () => {
  const servers = await serve(1, 100);
  const ownPace = { ...model, clipNorm: 1, staleness: 5 };
  const first = honest(servers, 0, ownPace);
  await first.enter({ kernel: new Float32Array(4) });
  const { join, push } = liar(servers, 1, ownPace);
  await join(0);
  await expect(push(0, whole(1000, 0, 0, 0), { sumOfSquares: 1e-6 })).rejects.toThrow(
    'worker 1 says that the squared norm of the gradient of step 0 is 0.000001, but on this server it is 1000000; end that worker',
  );
  expect(await first.update(step(0, 1, 0, 0))).toMatchObject({ gradientNorm: 1 });
});

const finite = () => {
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    const values = bytes.subarray(bytes.length - 32 - 4 * 6, bytes.length - 32);
    expect(Array.from({ length: 6 }, (_, k) => values.readFloatLE(4 * k)).every(Number.isFinite)).toBe(true);
  }
};

test('two huge finite gradients are not added up to a step: the run ends, and the line names the largest', async () => {
  const servers = await serve(1);
  const parameters = { kernel: new Float32Array(4) };
  const first = honest(servers, 0);
  await first.enter(parameters);
  const { join, push, connections, caller } = liar(servers, 1);
  await join(0);
  const pushed = push(0, whole(0, 0, 3e38, 0)).then(
    () => 'taken',
    (error: Error) => error.message,
  );
  const ends = "step 0: the gradients add up to Infinity, the largest, of norm 3e+38, is worker 1's: training diverged";
  await expect(first.update(step(0, 0, 2e38, 0))).rejects.toThrow(ends);
  expect(await pushed).toContain(ends);
  const read = async () => {
    for await (const _ of connections[0]!.pull({ caller, step: 1, vector: 'parameters' }));
  };
  await expect(read()).rejects.toThrow(ends);
  expect(notices.join('\n')).toContain(ends);
  expect([...parameters.kernel]).toEqual([1, 2, 3, 4]);
  finite();
});

test('a step that would make a parameter infinite is not made: nobody reads it, and no snapshot has it', async () => {
  const servers = await serve(1);
  const parameters = { kernel: new Float32Array(4) };
  const first = honest(servers, 0);
  await first.enter(parameters);
  const { join, push } = liar(servers, 1);
  await join(0);
  const rate = { learningRate: 10 };
  const pushed = push(0, whole(0, 0, -3e38, 0), rate).catch(() => undefined);
  const ends = "step 0: 'kernel' would be Infinity: training diverged; lower the learning rate or the clipping norm";
  await expect(first.update({ ...step(0, 1, 0, 0), ...rate })).rejects.toThrow(ends);
  await pushed;
  await expect(honest(servers, 0).enter(parameters)).rejects.toThrow(ends);
  expect([...parameters.kernel]).toEqual([1, 2, 3, 4]);
  finite();
});
