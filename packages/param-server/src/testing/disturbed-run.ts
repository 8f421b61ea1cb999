/**
 * A run of two workers over real sockets that a test disturbs, in place of the second worker or as a stranger. Whatever
 * the test does, the run goes on and ends with the same bits as an undisturbed run.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type status } from '@grpc/grpc-js';
import { afterAll, expect } from 'vitest';
import { ShardConnection } from '../client/shard-connection.js';
import type { unroll } from '../generated/parameter-server.js';
import { connectParameterServers, type Snapshot, startParameterServer } from '../index.js';
import { chunksOfGradient } from '../tables/row-chunks.js';
import type { GradientRows, NamedGradients } from '../vectors/gradient-rows.js';
import { partition } from '../vectors/partition.js';
import { type Chunk, float32Bytes } from '../vectors/shard-vector.js';
import { writeModel } from '../wire/wire-messages.js';

// Remove the folders at the end: a server may still be writing its last snapshot when its run has ended.
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A name that would lead to a file elsewhere if it became part of a path. */
export const kernel = '../../unroll-escaped';
export const model = {
  parameters: [{ name: kernel, shape: [4, 3] }],
  optimizer: { name: 'momentum' as const, momentum: 0.9 },
  clipNorm: 1,
  lanes: { count: 2, width: 1 },
  run: 'a run',
};
/** The same model with a row table of six rows of two elements, which lie behind the rest of the shard's vector. */
export const table = 'embedding';
export const modelByRows = {
  ...model,
  parameters: [...model.parameters, { name: table, shape: [6, 2], byRows: true }],
};
export const elements = 12;
export const gradientOf = (worker: number, step: number) =>
  Float32Array.from({ length: elements }, (_, i) => Math.cos(i + 31 * step + 7 * worker));
/** The gradient of the row table; the workers have one row in common. */
export const rowsOf = (worker: number, step: number): GradientRows => ({
  rows: Int32Array.of(worker, 3),
  values: gradientOf(worker, 50 + step).subarray(0, 4),
});
/** A worker's gradient of a model. */
export const gradientsOf = (worker: number, step: number, { parameters }: typeof model): NamedGradients => ({
  [kernel]: gradientOf(worker, step),
  ...(parameters.length > 1 ? { [table]: rowsOf(worker, step) } : {}),
});
export const whole = (values: Float32Array): Chunk => ({ offsets: [0], data: float32Bytes(values) });
/** Returns pseudorandom bytes, a function of the seed. */
export const bytesOf = (seed: string, length: number): Buffer =>
  createHash('shake256', { outputLength: length }).update(seed).digest();

/** Returns copies of the bytes, each with a different bit flipped. */
export function bitFlips(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: 8 * bytes.length }, (_, bit) => {
    const copy = Uint8Array.from(bytes);
    copy[bit >> 3]! ^= 1 << (bit & 7);
    return copy;
  });
}

/** The second worker of a run, which the test controls. */
export interface Position {
  readonly port: number;
  readonly connection: ShardConnection;
  readonly caller: unroll.v1.Caller;
  /** Sends bytes to a method. Resolves with the status that ends the call. */
  send(path: string, bytes: Uint8Array): Promise<status>;
  /** Sends bytes in the same way, but cancels the call once they have been sent. */
  breakOff(path: string, bytes: Uint8Array): Promise<status>;
}

export interface Attack {
  /** Whether the model has a row table. */
  readonly byRows?: boolean;
  /** Runs against a server that no worker has joined. */
  readonly before?: (port: number) => Promise<void>;
  /** Runs between two steps. */
  readonly between?: (position: Position) => Promise<void>;
}

/**
 * Makes two steps with two workers; the second is disturbed, or disturbs. Returns the values that the first reads in
 * the end.
 */
async function run({ byRows = false, before, between }: Attack): Promise<Snapshot> {
  const trained: typeof model = byRows ? modelByRows : model;
  const [layout] = partition(trained.parameters, 1);
  const folder = mkdtempSync(join(tmpdir(), 'unroll-hostile-'));
  folders.push(folder);
  const place = { workers: 2, version: '1' };
  const snapshots = { folder: join(folder, 'snapshots'), every: 1, keep: 3 };
  await using server = await startParameterServer({ port: 0, ...place, snapshots });
  const address = `127.0.0.1:${server.port}`;
  await before?.(server.port);
  await using first = connectParameterServers({
    ...{ serverAddresses: [address], worker: 0, ...place, ...trained },
    start: { values: async () => ({ parameters: { [kernel]: gradientOf(0, 100), [table]: gradientOf(1, 100) } }) },
  });
  await first.enter({ [kernel]: new Float32Array(elements) });
  const connection = new ShardConnection({ address, shard: 0, shards: 1, callSeconds: 20, patienceSeconds: 20 });
  const identity = { worker: 1, incarnation: 5 };
  const { generation, lease } = await connection.join({
    ...{ caller: identity, shard: 0, shards: 1, ...place, ...writeModel(trained) },
  });
  const caller = { ...identity, generation, lease };
  const step = async () => {
    const at = first.step;
    const laneStates = new Float32Array(1);
    const update = first.update({ gradients: gradientsOf(0, at, trained), learningRate: 0.5, laneStates });
    await connection.upload({ caller, step: at, vector: 'gradient' }, [whole(gradientOf(1, at))]);
    if (byRows) {
      const rows = chunksOfGradient(layout!, gradientsOf(1, at, trained));
      await connection.upload({ caller, step: at, vector: 'rows' }, rows);
    }
    await connection.upload({ caller, step: at, vector: 'lanes' }, []);
    await connection.push({ caller, step: at, learningRate: 0.5, lanesFrom: 1, lanesTo: 2, counted: [] });
    await update;
  };
  await step();
  const client = new Client(address, credentials.createInsecure());
  await between?.({
    ...{ port: server.port, connection, caller },
    send: (path, bytes) => sendRaw(client, path, bytes, 'end'),
    breakOff: (path, bytes) => sendRaw(client, path, bytes, 'cancel'),
  });
  await step();
  const snapshot = await first.snapshot();
  client.close();
  connection.close();
  expect(readdirSync(folder)).toEqual(['snapshots']);
  const files = readdirSync(join(folder, 'snapshots'));
  expect(files.filter((file) => !/^shard-0(\.lock|-of-1-step-\d\.snapshot(\..*)?)$/.test(file))).toEqual([]);
  return snapshot!;
}

type After = 'end' | 'cancel';

async function sendRaw(client: Client, path: string, bytes: Uint8Array, after: After): Promise<status> {
  const asIs = (buffer: Buffer) => buffer;
  const call = client.makeBidiStreamRequest(path, asIs, asIs);
  call.on('error', () => undefined).resume();
  const ended = new Promise<status>((resolve) => call.once('status', ({ code }) => resolve(code)));
  await new Promise((resolve) => call.write(Buffer.from(bytes), resolve));
  call[after]();
  return ended;
}

/** By whether the model has a row table. */
const undisturbed = new Map<boolean, Promise<Snapshot>>();

/** @throws unless the run ends the same as an undisturbed one */
export async function expectHarmless(attack: Attack): Promise<void> {
  const { byRows = false } = attack;
  if (!undisturbed.has(byRows)) undisturbed.set(byRows, run({ byRows }));
  expect(await run(attack)).toEqual(await undisturbed.get(byRows));
}

export async function expectNothingArrived(connection: ShardConnection, caller: unroll.v1.Caller): Promise<void> {
  await connection.upload({ caller, step: 1, vector: 'lanes' }, []);
  const push = connection.push({ caller, step: 1, learningRate: 0.5, lanesFrom: 1, lanesTo: 2, counted: [] });
  await expect(push).rejects.toThrow("worker 1's gradient of step 1 has not arrived completely");
}
