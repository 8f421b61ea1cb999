// Failures in a cluster, over real sockets: mismatched workers, dead ones, unreachable servers, shutdown.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { afterEach, expect, test } from 'vitest';
import { type Beat, heartbeatThread } from './client/heartbeats.js';
import { ShardConnection } from './client/shard-connection.js';
import {
  connectParameterServers,
  connectRunStatus,
  type LaneRange,
  type NamedValues,
  type ParameterClient,
  type ParameterClientOptions,
  type ParameterServer,
  type ParameterServerOptions,
  startParameterServer,
  WorkerMeter,
} from './index.js';
import { heardAgain } from './testing/heartbeats.js';
import { float32Bytes } from './vectors/shard-vector.js';
import { writeModel } from './wire/wire-messages.js';

const parameters = [{ name: 'kernel', shape: [4, 2] }];
const learningRate = 0.5;
/** Each of the two lanes contributes one half. */
const gradientOfLanes = ({ from, to }: LaneRange) => ({ kernel: new Float32Array(8).fill((to - from) / 2) });
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

test('a worker of another version is refused, and both versions are named', async () => {
  const server = await serve({ version: '0.1.0' });
  await expect(join(server, { version: '0.2.0' })).rejects.toThrow(/worker 0 runs Unroll 0\.2\.0, the server 0\.1\.0/);
});

test('a worker with another model is refused, and the first difference is named', async () => {
  const server = await serve({ workers: 2 });
  await join(server, { workers: 2 });
  const other = join(server, { workers: 2, worker: 1, parameters: [{ name: 'kernel', shape: [4, 3] }] });
  await expect(other).rejects.toThrow("worker 1 has 'kernel' as [4,3], the run has it as [4,2]");
});

test('a worker with another optimizer is refused', async () => {
  const server = await serve({ workers: 2 });
  await join(server, { workers: 2 });
  const other = join(server, { workers: 2, worker: 1, optimizer: { name: 'momentum', momentum: 0.9 } });
  await expect(other).rejects.toThrow('uses the optimizer momentum(momentum 0.9), the run uses sgd()');
});

test('a worker that counts other workers is refused', async () => {
  const server = await serve({ workers: 2 });
  await expect(join(server, { workers: 3 })).rejects.toThrow('worker 0 counts 3 workers, the server 2');
});

test('a worker index outside the run is refused', async () => {
  const server = await serve({ workers: 2 });
  await expect(join(server, { workers: 2, worker: 2 })).rejects.toThrow('worker index 2 is out of range');
});

test('servers listed in the wrong order are noticed', async () => {
  const second = await serve({ shard: 1, shards: 2 });
  const first = await serve({ shard: 0, shards: 2 });
  const servers = [address(second), address(first)];
  await expect(join(second, { serverAddresses: servers })).rejects.toThrow(
    /worker 0 expects shard (0 of 2, this server is shard 1|1 of 2, this server is shard 0) of 2/,
  );
});

test('a server that nobody started is named', async () => {
  const port = await freePort();
  const unreachable = { port } as ParameterServer;
  const notices: string[] = [];
  const onNotice = (line: string) => void notices.push(line);
  // The option's former name, which works like the new one.
  await expect(join(unreachable, { patienceSeconds: 0.3, onNotice })).rejects.toThrow(
    `no parameter server answers at 127.0.0.1:${port} (shard 0 of 1) after 0.3 s`,
  );
  expect(notices).toContain('patienceSeconds: is now serverTimeoutSeconds; give that name');
});

test('a worker waits for a server that starts late', async () => {
  const port = await freePort();
  const joining = join({ port } as ParameterServer, {});
  await serve({ port });
  expect((await joining).step).toBe(0);
});

test('a port in use is an error that names it', async () => {
  const { port } = await serve({});
  await expect(startParameterServer({ port, workers: 1, version: '1' })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port}`,
  );
});

test('workers that disagree about the learning rate are told both rates', async () => {
  const [first, second] = await joinPair(await serve({ workers: 2 }));
  const steps = [update(first!, 0.5), update(second!, 0.25)];
  await expect(Promise.race(steps)).rejects.toThrow(/learning rate 0\.(5|25), worker \d with 0\.(5|25)/);
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
  await Promise.allSettled(steps);
});

test('a worker that is killed is named to the workers that wait for it', async () => {
  const server = await serve({ workers: 2, leaseSeconds: 0.6, workerTimeoutSeconds: 1.8 });
  const joining = join(server, { workers: 2 });
  const [child] = await runChild(`
    const client = connectParameterServers(${JSON.stringify({ ...workerOptions(server), worker: 1, workers: 2, start: {} })});
    await client.enter({ kernel: new Float32Array(8) });
    setInterval(() => {}, 1000);
    process.send({ step: client.step });
  `);
  const first = await joining;
  child.kill('SIGKILL');
  await expect(update(first)).rejects.toThrow('worker 1 has not been heard of for 1.8 s');
});

test('a worker whose thread is blocked is heard all the same', async () => {
  const folder = mkdtempSync(`${tmpdir()}/unroll-blocked-`);
  cleanups.push(async () => rmSync(folder, { recursive: true }));
  const release = `${folder}/release`;
  const server = await serve({ workers: 2, leaseSeconds: 1.2 });
  const joining = join(server, { workers: 2 });
  const options = { ...workerOptions(server), worker: 1, workers: 2, start: {} };
  const [child] = await runChild(`
    const client = connectParameterServers(${JSON.stringify(options)});
    await client.enter({ kernel: new Float32Array(8) });
    process.send({});
    const word = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(${JSON.stringify(release)})) Atomics.wait(word, 0, 0, 50);
    const laneStates = new Float32Array(1);
    await client.update({ gradients: { kernel: new Float32Array(8) }, learningRate: ${learningRate}, laneStates });
    process.disconnect();
    await client.close();
  `);
  const first = await joining;
  const ended = once(child, 'exit');
  const updated = update(first);
  const reader = connectRunStatus([address(server)]);
  await heardAgain(reader, 1);
  reader.close();
  writeFileSync(release, '');
  expect(await updated).toMatchObject({ gradientNorm: Math.sqrt(2) });
  await ended;
});

test('a worker that leaves early is named to the workers that wait for it', async () => {
  const [first, second] = await joinPair(await serve({ workers: 2 }));
  const refused = expect(update(first!)).rejects.toThrow('worker 1 has left the run at step 0');
  await second!.close();
  await refused;
});

test('a worker that is restarted redoes its step, which counts once', async () => {
  const server = await serve({ workers: 2 });
  const [first, second] = await joinPair(server);
  const replaced = expect(update(second!)).rejects.toThrow('worker 1 has been replaced by a process that joined later');
  const values = kernel();
  const restarted = await join(server, { workers: 2, worker: 1 }, values);
  await replaced;
  await Promise.all([update(first!), update(restarted)]);
  expect(values.kernel).toEqual(new Float32Array(8).fill(-learningRate));
});

test('a process whose place another one has taken does not take it back', async () => {
  const servers = await Promise.all([0, 1].map((shard) => serve({ shard, shards: 2 })));
  const addresses = { serverAddresses: servers.map(address) };
  const older = await join(servers[0]!, addresses);
  const newer = await join(servers[0]!, addresses);
  await expect(update(older)).rejects.toThrow(
    'worker 0 has been replaced by a process that joined later; end this one',
  );
  expect(await update(newer)).toMatchObject({ gradientNorm: Math.sqrt(8) });
});

test('a worker killed between the updates of two shards takes up where the one ahead is', async () => {
  const servers = await Promise.all([0, 1].map((shard) => serve({ shard, shards: 2 })));
  const addresses = servers.map(address);
  await join(servers[0]!, { serverAddresses: addresses });
  const caller = { worker: 0, incarnation: 1, generation: 1, lease: 0 };
  const connections = addresses.map(
    (server, shard) => new ShardConnection({ address: server, shard, shards: 2, callSeconds: 10, patienceSeconds: 10 }),
  );
  let ordinal = 0;
  for (const [shard, connection] of connections.entries()) {
    const place = { version: '0.1.0', workers: 1, shard, shards: 2, ordinal };
    const { parameters, optimizer, lanes, run } = workerOptions(servers[0]!);
    const model = writeModel({ parameters, optimizer, lanes, run, clipNorm: undefined });
    ({ ordinal } = await connection.join({ ...place, ...model, caller: { worker: 0, incarnation: 1 } }));
  }
  for (const [shard, connection] of connections.entries()) {
    const gradient = [{ offsets: [0], data: float32Bytes(new Float32Array(4).fill(1)) }];
    await connection.upload({ caller, step: 0, vector: 'gradient' }, gradient);
    if (shard === 0) await connection.upload({ caller, step: 0, vector: 'lanes' }, []);
    await connection.push({ caller, step: 0, learningRate, lanesFrom: 0, lanesTo: 2, counted: [] });
  }
  const pull = { caller, step: 1, vector: 'parameters', sumOfSquares: 8 };
  for await (const _ of connections[0]!.pull(pull));
  for (const connection of connections) connection.close();

  const values = kernel();
  const restarted = await join(servers[0]!, { serverAddresses: addresses }, values);
  expect(restarted.step).toBe(1);
  expect(values.kernel).toEqual(new Float32Array(8).fill(-learningRate));
});

test('a server that is killed and does not come back is named to its workers', async () => {
  const [child, server] = await runServer();
  const client = await join(server, { workers: 2, serverTimeoutSeconds: 1.5 });
  const lost = expect(update(client)).rejects.toThrow(
    `no parameter server answers at ${address(server)} (shard 0 of 1) after 1.5 s`,
  );
  child.kill('SIGKILL');
  await lost;
});

test('a server whose machine vanished without a word is found again in its new place by heartbeats', async () => {
  const [vanishing, replacement] = [await serve({}), await serve({})];
  await join(vanishing, {});
  const { parameters: shapes, optimizer, lanes, run } = workerOptions(vanishing);
  const model = writeModel({ parameters: shapes, optimizer, lanes, run, clipNorm: undefined });
  const place = { shard: 0, shards: 1 };
  const options = { address: address(vanishing), ...place, callSeconds: 10, patienceSeconds: 10 };
  const connection = new ShardConnection(options);
  const caller = { worker: 0, incarnation: 1 };
  await connection.join({ caller, version: '0.1.0', workers: 1, ...place, ...model });
  connection.close();
  const network = await relay(vanishing.port);
  const beats: Beat[] = [];
  const beat = heartbeatThread([`127.0.0.1:${network.port}`], caller, {}, new WorkerMeter());
  const stop = beat(0.1, (heard) => void beats.push(heard));
  cleanups.push(async () => stop());
  await expect.poll(() => beats).toContainEqual({ shard: 0, place: { generation: 1, lease: 0 } });
  network.vanish(replacement.port);
  // It knows no worker: a worker that hears this cancels its calls and rejoins.
  await expect.poll(() => beats).toContainEqual({ shard: 0, place: undefined });
});

test('a server that is stopped for longer than its heartbeats are patient is waited for', async () => {
  const [child, server] = await runChild<ParameterServer>(`
    const server = await startParameterServer({ port: 0, workers: 1, version: '0.1.0', leaseSeconds: 0.6 });
    process.send({ port: server.port });
  `);
  const client = await join(server, {});
  child.kill('SIGSTOP');
  const updated = update(client);
  await sleep(2000);
  child.kill('SIGCONT');
  expect(await updated).toMatchObject({ gradientNorm: Math.sqrt(8) });
});

test('health is answered as gRPC prescribes', async () => {
  const server = await serve({});
  expect(await health(server, 'unroll.v1.ParameterServer')).toBe('SERVING');
});

test('a server that gets SIGTERM gives up the step in flight and exits', async () => {
  const [child, server] = await runServer();
  const client = await join(server, { workers: 2, serverTimeoutSeconds: 1.5 });
  const refused = expect(update(client)).rejects.toThrow(/no parameter server answers/);
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
  await refused;
});

async function serve(options: Partial<ParameterServerOptions>): Promise<ParameterServer> {
  const server = await startParameterServer({ port: 0, workers: 1, version: '0.1.0', ...options });
  cleanups.push(() => server.close());
  return server;
}

/** The options that all workers of a server share, as JSON. */
function workerOptions(server: ParameterServer) {
  return {
    serverAddresses: [address(server)],
    worker: 0,
    workers: 1,
    version: '0.1.0',
    parameters,
    optimizer: { name: 'sgd' } as const,
    lanes: { count: 2, width: 1 },
    run: 'this',
  };
}

/** Connects a worker that takes part. */
async function join(
  server: ParameterServer,
  options: Partial<ParameterClientOptions>,
  values: NamedValues = kernel(),
): Promise<ParameterClient> {
  const client = connectParameterServers({
    ...workerOptions(server),
    clipNorm: undefined,
    start: { values: async () => ({ parameters: kernel() }) },
    ...options,
  });
  cleanups.push(() => client.close());
  await client.enter(values);
  return client;
}

function joinPair(server: ParameterServer): Promise<[ParameterClient, ParameterClient]> {
  return Promise.all([join(server, { workers: 2 }), join(server, { workers: 2, worker: 1 })]);
}

function update(client: ParameterClient, rate = learningRate): Promise<{ gradientNorm: number } | undefined> {
  const laneStates = new Float32Array(client.lanes.to - client.lanes.from);
  return client.update({ gradients: gradientOfLanes(client.lanes), learningRate: rate, laneStates });
}

function runServer(): Promise<[ChildProcess, ParameterServer]> {
  return runChild(`
    const server = await startParameterServer({ port: 0, workers: 2, version: '0.1.0' });
    process.once('SIGTERM', () => server.close());
    process.send({ port: server.port });
    await server.done;
    process.disconnect();
  `);
}

/** Runs a module in a separate process, from the built package, and waits for the first message that it sends. */
async function runChild<Message>(body: string): Promise<[ChildProcess, Message]> {
  const imports = `import { existsSync } from 'node:fs';
    import { connectParameterServers, startParameterServer } from '@unroll/param-server';`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', imports + body], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  cleanups.push(async () => void child.kill('SIGKILL'));
  const [message] = (await once(child, 'message')) as [Message];
  return [child, message];
}

/** Stands between workers and a server, like a network. */
async function relay(port: number): Promise<{ readonly port: number; vanish(next: number): void }> {
  let target = port;
  const sockets: Socket[] = [];
  const between = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) sockets.push(socket.on('error', () => undefined));
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(between, 'listening');
  cleanups.push(async () => {
    between.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (between.address() as AddressInfo).port,
    /** Existing connections carry nothing more and are not closed; new ones lead elsewhere. */
    vanish: (next) => {
      for (const socket of sockets) socket.unpipe().pause();
      target = next;
    },
  };
}

function health(server: ParameterServer, service: string): Promise<string> {
  const Health = makeGenericClientConstructor(healthService, 'grpc.health.v1.Health');
  const client = new Health(address(server), credentials.createInsecure());
  return new Promise((resolve, reject) => {
    client.check!({ service }, (error: Error | null, response: { status: string }) => {
      client.close();
      if (error) reject(error);
      else resolve(response.status);
    });
  });
}

function kernel(): { kernel: Float32Array } {
  return { kernel: new Float32Array(8) };
}

function address({ port }: ParameterServer): string {
  return `127.0.0.1:${port}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
