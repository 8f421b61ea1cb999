// The path of vectors: bulk connections, or gRPC's where nothing else comes through.
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ShardConnection } from '../client/shard-connection.js';
import { unroll } from '../generated/parameter-server.js';
import { ShardHost } from '../hosting/shard-host.js';
import { type ParameterServer, type ServerSecurity, startParameterServer } from '../index.js';
import { ConnectionGate } from '../security/connection-gate.js';
import { RefusalLog } from '../security/refusal-log.js';
import { noSnapshots } from '../snapshots/snapshot.js';
import { converse, frame, hello } from '../testing/bulk-peer.js';
import { certify, makeAuthority } from '../testing/certificates.js';
import { type Chunk, float32Bytes } from '../vectors/shard-vector.js';
import { writeModel } from '../wire/wire-messages.js';
import { BulkConnection, type CountBytes } from './bulk-connection.js';
import { firstByte, frameKinds } from './frames.js';
import { ServedConnection } from './served-connection.js';

const { BulkStatus } = unroll.v1;
const token = 'correct-horse-battery-staple';
const elements = 1_000_000;
const model = {
  parameters: [{ name: 'table', shape: [1000, 1000] }],
  optimizer: { name: 'sgd' as const },
  clipNorm: undefined,
  lanes: { count: 2, width: 1 },
  run: 'a run',
};
const values = Float32Array.from({ length: elements }, (_, k) => k);
const vector = (): Chunk[] =>
  Array.from({ length: 4 }, (_, k) => ({
    offsets: [250_000 * k],
    data: float32Bytes(values.subarray(250_000 * k, 250_000 * (k + 1))),
  }));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(security: ServerSecurity = {}): Promise<ParameterServer> {
  const server = await startParameterServer({ port: 0, workers: 2, version: '1', security });
  cleanups.push(() => server.close());
  return server;
}

function connection(port: number, options: Partial<ConstructorParameters<typeof ShardConnection>[0]> = {}) {
  const address = `127.0.0.1:${port}`;
  const made = new ShardConnection({ address, shard: 0, shards: 1, callSeconds: 30, patienceSeconds: 30, ...options });
  cleanups.push(() => made.close());
  return made;
}

const worker = { worker: 0, incarnation: 1, generation: 0, lease: 0 };

/** Joins as worker 0 and initializes the shard. @returns the caller to use from then on */
async function begin(calls: ShardConnection): Promise<typeof worker> {
  const place = { version: '1', workers: 2, shard: 0, shards: 1 };
  await calls.join({ caller: worker, ...place, ...writeModel(model) });
  await calls.upload({ caller: worker, step: 0, vector: 'parameters' }, vector());
  await calls.upload({ caller: worker, step: 0, vector: 'lanes' }, []);
  await calls.initialize({ caller: worker, step: 0, generation: 1 });
  return { ...worker, generation: 1 };
}

async function parameters(calls: ShardConnection, caller: typeof worker): Promise<Float32Array> {
  const read = new Float32Array(elements);
  for await (const { offsets, data } of calls.pull({ caller, step: 0, vector: 'parameters' })) {
    float32Bytes(read).set(data, 4 * offsets[0]!);
  }
  return read;
}

/** Compares bit for bit; the test library needs seconds to compare arrays of a million numbers. */
function isWhole(read: Float32Array): boolean {
  return Buffer.compare(float32Bytes(read), float32Bytes(values)) === 0;
}

/** Stands between client and server, and notes which connections begin like bulk connections. */
async function middlebox(target: number, letsBulkThrough: boolean): Promise<{ port: number; bulk: Socket[] }> {
  const bulk: Socket[] = [];
  const proxy = createServer((from) => {
    const to = connect(target, '127.0.0.1');
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
    to.on('error', () => from.destroy()).on('close', () => from.destroy());
    from.once('data', (first: Buffer) => {
      if (first[0] === firstByte) bulk.push(from);
      if (first[0] === firstByte && !letsBulkThrough) return from.destroy();
      to.write(first);
      from.pipe(to).pipe(from);
    });
  });
  return { port: await listen(proxy), bulk };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('vectors travel', () => {
  test('on one bulk connection that is used again, and arrive as they were', async () => {
    const { port, bulk } = await middlebox((await serve()).port, true);
    const calls = connection(port);
    const caller = await begin(calls);
    for (let round = 0; round < 3; round++) expect(isWhole(await parameters(calls, caller))).toBe(true);
    expect(bulk).toHaveLength(1);
  });

  test('on as many as there are calls at once', async () => {
    const { port, bulk } = await middlebox((await serve()).port, true);
    const calls = connection(port);
    const caller = await begin(calls);
    const read = await Promise.all([parameters(calls, caller), parameters(calls, caller)]);
    expect(read.map(isWhole)).toEqual([true, true]);
    expect(bulk).toHaveLength(2);
  });

  test('by gRPC where what is between lets only HTTP/2 through', async () => {
    const { port, bulk } = await middlebox((await serve()).port, false);
    const calls = connection(port);
    const caller = await begin(calls);
    for (let round = 0; round < 3; round++) expect(isWhole(await parameters(calls, caller))).toBe(true);
    expect(bulk).toHaveLength(1);
  });

  test('and are counted, there and back, whichever way they go', async () => {
    const counts = { sent: 0, received: 0 };
    const count: CountBytes = (direction, bytes) => {
      counts[direction] += bytes;
    };
    const calls = connection((await serve()).port, { count });
    await parameters(calls, await begin(calls));
    expect(counts.sent).toBeGreaterThan(4 * elements);
    expect(counts.received).toBeGreaterThan(4 * elements);
    expect(Math.max(counts.sent, counts.received)).toBeLessThan(4.01 * elements);
  });
});

describe('a call on a bulk connection', () => {
  /** Waits for a step that this worker alone cannot make. */
  const nextStep = (calls: ShardConnection, caller: typeof worker) =>
    calls.pull({ caller, step: 1, vector: 'parameters' })[Symbol.asyncIterator]().next();

  test('that is given up fails as cancelled, and the next one succeeds', async () => {
    const calls = connection((await serve()).port);
    const caller = await begin(calls);
    const waiting = expect(nextStep(calls, caller)).rejects.toMatchObject({ code: status.CANCELLED });
    function* interrupting(): Generator<Chunk> {
      const [first, ...others] = vector();
      yield first!;
      calls.interrupt();
      yield* others;
    }
    const upload = calls.upload({ caller, step: 0, vector: 'gradient' }, interrupting());
    await expect(upload).rejects.toMatchObject({ code: status.CANCELLED });
    await waiting;
    expect(isWhole(await parameters(calls, caller))).toBe(true);
  });

  test('has a deadline', async () => {
    const server = await serve();
    const caller = await begin(connection(server.port));
    const hasty = connection(server.port, { callSeconds: 0.3 });
    await expect(nextStep(hasty, caller)).rejects.toThrow('no answer to Pull within 0.3 s');
  });

  test('is refused in the words of gRPC, and the next one succeeds', async () => {
    const calls = connection((await serve()).port);
    const caller = await begin(calls);
    const chunk = { offsets: [elements], data: new Uint8Array(4) };
    await expect(calls.upload({ caller, step: 0, vector: 'gradient' }, [chunk])).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: expect.stringMatching(
        /^parameter server 127\.0\.0\.1:\d+ \(shard 0 of 1\): worker 0's vector 'gradient'/,
      ),
    });
    expect(isWhole(await parameters(calls, caller))).toBe(true);
  });

  test('is refused as unavailable when the server stops', async () => {
    const server = await serve();
    const calls = connection(server.port);
    const caller = await begin(calls);
    const ended = expect(nextStep(calls, caller)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await parameters(calls, caller);
    await server.close();
    await ended;
  });

  test('whose chunks cannot be made fails with their error, and the next one succeeds', async () => {
    const calls = connection((await serve()).port);
    const caller = await begin(calls);
    function* failing(): Generator<Chunk> {
      yield vector()[0]!;
      throw new Error('no gradient');
    }
    await expect(calls.upload({ caller, step: 0, vector: 'gradient' }, failing())).rejects.toThrow('no gradient');
    expect(isWhole(await parameters(calls, caller))).toBe(true);
  });
});

describe('a server with a token', () => {
  test.each([
    ['without it', ''],
    ['with another', 'Bearer wrong'],
    ['with the beginning of it', `Bearer ${token.slice(0, -1)}`],
  ])('refuses a bulk connection %s', async (_, authorization) => {
    const { port } = await serve({ token });
    const { codes, details } = await converse(port, hello(authorization), false);
    expect(codes).toEqual([status.UNAUTHENTICATED]);
    expect(details[0]).toContain('lets in only workers with its token');
  });

  test('takes calls from nobody who has not brought it', async () => {
    const { port } = await serve({ token });
    const pull = unroll.v1.PullRequest.encode({ caller: worker, step: 0, vector: 'parameters' }).finish();
    expect((await converse(port, frame(frameKinds.pull, pull), false)).codes).toEqual([]);
  });

  test('moves the vectors of who brings it', async () => {
    const calls = connection((await serve({ token })).port, { security: { token } });
    expect(isWhole(await parameters(calls, await begin(calls)))).toBe(true);
  });
});

describe('a server with TLS', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'unroll-bulk-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
  });

  test('takes bulk connections within TLS, and no others', async () => {
    const authority = makeAuthority(folder, 'authority');
    const { port } = await serve({ tls: certify(folder, 'server', 'authority') });
    expect((await converse(port, hello(), false)).codes).toEqual([]);
    let received = 0;
    const count: CountBytes = (direction, bytes) => {
      if (direction === 'received') received += bytes;
    };
    const calls = connection(port, { security: { tls: { authority: authority.certificate } }, count });
    expect(isWhole(await parameters(calls, await begin(calls)))).toBe(true);
    expect(received).toBeGreaterThan(4 * elements);
  });

  test('wants the token within it too', async () => {
    const authority = makeAuthority(folder, 'authority').certificate;
    const { port } = await serve({ tls: certify(folder, 'server', 'authority'), token });
    const opened = new BulkConnection({ host: '127.0.0.1', port }, { authority }, () => undefined, 10);
    await expect(opened.greet('', 10)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    const calls = connection(port, { security: { tls: { authority }, token } });
    expect(isWhole(await parameters(calls, await begin(calls)))).toBe(true);
  });

  test.each([
    ['without the certificate that it wants', 'authority'],
    ['that does not trust its authority', 'another'],
  ])('gets no bulk connection of a worker %s', async (_, trusted) => {
    const [authority, another] = [makeAuthority(folder, 'authority'), makeAuthority(folder, 'another')];
    const tls = { ...certify(folder, 'server', 'authority'), clientAuthority: authority.certificate };
    const { port } = await serve({ tls });
    const client = { authority: (trusted === 'another' ? another : authority).certificate };
    const opened = new BulkConnection({ host: '127.0.0.1', port }, client, () => undefined, 10);
    await expect(opened.greet('', 10)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });
});

describe('a connection that stands still is closed', () => {
  test.each([
    ['within its greeting', hello().subarray(0, 5), []],
    [
      'within a frame',
      Buffer.concat([hello(), frame(frameKinds.pull, new Uint8Array(9)).subarray(0, 15)]),
      [status.OK],
    ],
  ])('%s', async (_, bytes, codes) => {
    const host = new ShardHost({
      place: { version: '1', workers: 1, shard: 0, shards: 1 },
      policy: { minWorkers: 1, backupWorkers: 0, leaseSeconds: 15, patienceSeconds: 600, snapshotEvery: 0 },
      createRule: () => Promise.reject(new Error('nobody joins')),
      snapshots: noSnapshots,
      now: () => performance.now() / 1000,
      onNotice: () => undefined,
    });
    const refusals = new RefusalLog(() => undefined);
    const gate = new ConnectionGate({ most: 1, mostStrangers: 1, strangerSeconds: 0.1 }, refusals);
    const server = createServer((socket) => {
      socket.once('data', (first) => {
        socket.pause();
        const visit = gate.enter('127.0.0.1', () => socket.destroy());
        const patience = { farewellSeconds: 0.1, stallSeconds: 0.1 };
        new ServedConnection(socket, first, { host, admits: () => true, refusals, visit, ...patience });
      });
    });
    expect((await converse(await listen(server), bytes, false)).codes).toEqual(codes);
  });
});

test.each([
  // More than the system buffers for a connection that is not read.
  ['takes nothing more of an upload', 200],
  ['does not answer one', 0],
])('a server that %s is taken for lost', async (_, vectors) => {
  const server = createServer((socket) => {
    cleanups.push(() => socket.destroy());
    socket.once('data', () => {
      socket.write(frame(frameKinds.status, BulkStatus.encode({ code: status.OK }).finish()));
      socket.pause();
    });
  });
  const connected = new BulkConnection(
    { host: '127.0.0.1', port: await listen(server) },
    undefined,
    () => undefined,
    0.5,
  );
  await connected.greet('', 10);
  const chunks = Array.from({ length: vectors }, vector).flat();
  await expect(connected.upload({ caller: worker, step: 0, vector: 'gradient' }, chunks, 60)).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: 'the server took nothing for 0.5 seconds',
  });
  expect(connected.isOpen).toBe(false);
});
