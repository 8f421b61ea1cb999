import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededRandom } from '../simulation/virtual-time.js';
import { FrozenValues } from './frozen-values.js';
import type { FrozenSnapshot, ShardSnapshot } from './snapshot.js';
import { removeReplacedSince, SnapshotFolder } from './snapshot-folder.js';

let folder: string;
let reports: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroll-snapshots-'));
  reports = [];
});
afterEach(async () => {
  for (const snapshots of held.values()) await snapshots[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const fileOf = (step: number) => join(folder, `shard-0-of-2-step-${step}.snapshot`);

const held = new Map<number, SnapshotFolder>();

/** Opens a shard's folder as the next process does: the one before it has ended. */
async function openAs(run: string, shard: number, shards: number): Promise<SnapshotFolder> {
  await held.get(shard)?.[Symbol.asyncDispose]();
  const snapshots = await SnapshotFolder.open({ folder, shard, shards, keep: 3 }, (line) => reports.push(line));
  held.set(shard, snapshots);
  snapshots.adopt(run);
  return snapshots;
}

const open = (run = 'this', shard = 0) => openAs(run, shard, 2);

const namesIn = () =>
  readdirSync(folder)
    .filter((name) => !name.endsWith('.lock'))
    .sort();

function snapshotOf(step: number): ShardSnapshot {
  const values = (offset: number) => Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i + step + offset));
  return { step, values: { parameters: values(0), slots: { m: values(1), v: values(2) }, lanes: values(3) } };
}

function frozen(step: number): FrozenSnapshot {
  return { step, values: new FrozenValues(snapshotOf(step).values) };
}

test('what was written is read by the next process, bit for bit', async () => {
  await (await open()).write(frozen(10));
  const reopened = await open();
  expect(reopened.steps).toEqual([10]);
  expect(await reopened.read(10)).toMatchObject(snapshotOf(10));
});

test('the last of a shard are kept, and those of other shards are not touched', async () => {
  await (await open('this', 1)).write(frozen(10));
  const snapshots = await open();
  for (const step of [10, 20, 30, 40, 50]) await snapshots.write(frozen(step));
  expect(snapshots.steps).toEqual([30, 40, 50]);
  expect((await open('this', 1)).steps).toEqual([10]);
});

test('snapshots that are set aside are offered no longer, and removed when the run has passed their steps', async () => {
  const snapshots = await open();
  for (const step of [10, 20, 30]) await snapshots.write(frozen(step));
  await snapshots.setAside(10);
  expect(snapshots.steps).toEqual([10]);
  const reopened = await open();
  expect(reopened.steps).toEqual([10]);
  await reopened.write(frozen(20));
  const ofShard = (step: number) => `shard-0-of-2-step-${step}.snapshot`;
  expect(namesIn()).toEqual([ofShard(10), ofShard(20), `${ofShard(30)}.aside`]);
  await reopened.clear();
  expect(namesIn()).toEqual([]);
});

test('what is set aside twice at one step is kept twice, and a write that was in progress is set aside too', async () => {
  const snapshots = await open();
  await snapshots.write(frozen(20));
  await snapshots.setAside(undefined);
  await Promise.all([snapshots.write(frozen(20)), snapshots.setAside(undefined)]);
  expect(snapshots.steps).toEqual([]);
  const replaced = `${basename(fileOf(20))}.replaced`;
  expect(namesIn()).toEqual([replaced, `${replaced}-2`]);
  await Promise.all([snapshots.write(frozen(30)), snapshots.setAside(undefined), snapshots.setAside(undefined)]);
  expect(snapshots.steps).toEqual([]);
});

test('no values that a chief brings have a snapshot deleted, whatever steps they claim', async () => {
  const snapshots = await open();
  for (const step of [10, 20, 30]) await snapshots.write(frozen(step));
  const before = readFileSync(fileOf(30));
  await snapshots.setAside(10);
  for (let k = 1; k <= 5; k++) {
    await snapshots.setAside(undefined);
    for (const step of [1, 2, 3]) await snapshots.write(frozen(1000 * k + step));
  }
  await snapshots.clear();
  const reopened = await open();
  expect(reopened.steps).toEqual([]);
  for (const step of [10, 20, 30]) expect(readdirSync(folder)).toContain(`${basename(fileOf(step))}.replaced`);
  expect(readFileSync(`${fileOf(30)}.replaced`)).toEqual(before);
});

test('a folder takes so many replaced snapshots, and then says what to do', async () => {
  for (let k = 1; k <= 100; k++) writeFileSync(`${fileOf(k)}.replaced`, '');
  const snapshots = await open();
  expect(snapshots.obstacle).toBeUndefined();
  await snapshots.write(frozen(10));
  expect(snapshots.obstacle).toBe(
    `${folder} has 100 snapshots that other values have replaced, and no room for more; look why runs are begun so often, ` +
      'delete the files *.replaced* there, and start the servers again',
  );
});

test('steps of any number of digits are ordered by number: the last ones are kept and offered', async () => {
  const random = seededRandom(7);
  for (let round = 0; round < 6; round++) {
    rmSync(folder, { recursive: true });
    const steps = new Set(Array.from({ length: 5 }, () => Math.floor(10 ** (1 + 5 * random()))));
    const inOrder = [...steps].sort((a, b) => a - b);
    for (const step of inOrder.slice(0, 3)) await (await open()).write(frozen(step));
    expect((await open()).steps).toEqual(inOrder.slice(0, 3));
    const snapshots = await open();
    for (const step of inOrder.slice(3)) await snapshots.write(frozen(step));
    expect(snapshots.steps).toEqual(inOrder.slice(-3));
    expect((await open()).steps).toEqual(inOrder.slice(-3));
  }
});

test.each([
  ['with an altered byte', (path: string) => alterByte(path), 'has another checksum than when it was written'],
  ['that is cut off', (path: string) => truncateSync(path, 6000), 'was cut off'],
  ['that is empty', (path: string) => truncateSync(path, 0), 'was cut off'],
  ['that is something else', (path: string) => writeFileSync(path, 'years of work'), 'is not a snapshot of a shard'],
])('a file %s is passed over, and reported', async (_, damage, reason) => {
  const snapshots = await open();
  for (const step of [10, 20]) await snapshots.write(frozen(step));
  damage(fileOf(20));
  expect((await open()).steps).toEqual([10]);
  expect(reports).toEqual([`${fileOf(20)}: ${reason}; it is passed over`]);
});

test.each([
  ['more values than the file has', { vectors: [{ name: 'parameters', length: 2 ** 40 }] }, 'was cut off'],
  ['no run', { run: 7 }, 'is not a snapshot of a shard'],
  ['a length below 0', { vectors: [{ name: 'parameters', length: -1 }] }, 'is not a snapshot of a shard'],
  ['no lanes', { vectors: [{ name: 'parameters', length: 0 }] }, 'is not a snapshot of a shard'],
])('a header that claims %s is passed over, and nothing is allocated for it', async (_, claims, reason) => {
  const header = JSON.stringify({ format: 'unroll shard snapshot 1', run: 'this', step: 10, vectors: [], ...claims });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const content = Buffer.concat([length, Buffer.from(header)]);
  writeFileSync(fileOf(10), Buffer.concat([content, createHash('sha256').update(content).digest()]));
  expect((await open()).steps).toEqual([]);
  expect(reports).toEqual([`${fileOf(10)}: ${reason}; it is passed over`]);
});

test('a snapshot with a value that is not finite is not gone back to', async () => {
  const { step, values } = snapshotOf(10);
  values.slots.v![7] = Number.POSITIVE_INFINITY;
  await (await open()).write({ step, values: new FrozenValues(values) });
  expect((await open()).steps).toEqual([]);
  expect(reports).toEqual([`${fileOf(10)}: has NaN or Infinity in its slot.v; it is passed over`]);
});

test('a snapshot that is damaged after the folder was opened is refused, and offered no longer', async () => {
  const snapshots = await open();
  await snapshots.write(frozen(10));
  alterByte(fileOf(10));
  await expect(snapshots.read(10)).rejects.toThrow(`${fileOf(10)}: has another checksum than when it was written`);
  expect(snapshots.steps).toEqual([]);
});

test('what a crash left half-written does not count and is removed, but not what another shard is writing', async () => {
  writeFileSync(`${fileOf(10)}.new`, 'half');
  const ofAnother = ['shard-1-of-2-step-10.snapshot.new', 'shard-0-of-20-step-10.snapshot.new', 'notes.new'];
  for (const name of ofAnother) writeFileSync(join(folder, name), 'half');
  expect((await open()).steps).toEqual([]);
  expect(namesIn()).toEqual(ofAnother.toSorted());
  expect(reports).toEqual([]);
});

test('snapshots of another run are counted, not offered, and never removed', async () => {
  await (await open('another')).write(frozen(10));
  const snapshots = await open();
  expect({ steps: snapshots.steps, foreign: snapshots.foreign }).toEqual({ steps: [], foreign: 1 });
  await snapshots.setAside(undefined);
  await snapshots.write(frozen(10));
  expect({ steps: snapshots.steps, foreign: snapshots.foreign }).toEqual({ steps: [10], foreign: 0 });
  await snapshots.clear();
  expect(namesIn()).toEqual([`${basename(fileOf(10))}.replaced`]);
});

test('replaced snapshots are removed on demand, but for those of files that were there before', async () => {
  await (await open('another')).write(frozen(10));
  const before = namesIn();
  const snapshots = await open();
  for (const step of [10, 20]) {
    await snapshots.setAside(undefined);
    await snapshots.write(frozen(step));
  }
  await snapshots.setAside(undefined);
  const names = (...steps: number[]) => steps.map((step) => `${basename(fileOf(step))}.replaced`);
  expect(namesIn()).toEqual([...names(10), `${basename(fileOf(10))}.replaced-2`, ...names(20)]);
  await removeReplacedSince(folder, before);
  expect(namesIn()).toEqual([...names(10), `${basename(fileOf(10))}.replaced-2`]);
});

test('snapshots of a run with another number of shards are foreign, each to one shard, and set aside when that is asked', async () => {
  const of = (shard: number, shards: number) => openAs(`the run of ${shards} shards`, shard, shards);
  for (const shard of [0, 1, 2]) await (await of(shard, 3)).write(frozen(10));
  const pair = [await of(0, 2), await of(1, 2)] as const;
  expect(pair.map(({ foreign, foreignShards }) => [foreign, foreignShards])).toEqual([
    [2, 3],
    [1, 3],
  ]);
  for (const shard of pair) await shard.setAside(undefined);
  expect(pair.map(({ foreign, foreignShards }) => [foreign, foreignShards])).toEqual([
    [0, undefined],
    [0, undefined],
  ]);
  expect(namesIn().every((name) => name.endsWith('.snapshot.replaced'))).toBe(true);
});

test('a second process of a shard is refused while the first one runs, whichever run it is of, and changes nothing', async () => {
  await open();
  const second = SnapshotFolder.open({ folder, shard: 0, shards: 1, keep: 3 }, () => undefined);
  await expect(second).rejects.toThrow(
    `${folder}: process ${process.pid} on ${hostname()} (server 0) writes its snapshots there; end it, or choose another folder for snapshots`,
  );
  expect(namesIn()).toEqual([]);
});

test('a process that stood still while another one took its folder writes and removes nothing more there', async () => {
  const snapshots = await open();
  await snapshots.write(frozen(10));
  const other = { id: 'b', role: 'server 0', host: 'node7', machine: 'another boot', pid: 7, started: '1' };
  writeFileSync(join(folder, 'shard-0.lock'), JSON.stringify(other));
  for (const change of [snapshots.write(frozen(20)), snapshots.setAside(undefined), snapshots.clear()]) {
    await expect(change).rejects.toThrow('process 7 on node7 (server 0) writes its snapshots there');
  }
  expect(namesIn()).toEqual([basename(fileOf(10))]);
});

test('a folder that cannot be made is named', async () => {
  writeFileSync(join(folder, 'file'), '');
  const options = { folder: join(folder, 'file', 'below'), shard: 0, shards: 1, keep: 3 };
  await expect(SnapshotFolder.open(options, () => undefined)).rejects.toThrow(
    /below: cannot hold snapshots \(ENOTDIR: not a directory, .*\); choose another folder for snapshots$/,
  );
});

function alterByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
}
