// A snapshot written while updates run, with the optimizer and the files that servers use.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { optimizerSlots } from '@unroll/core/config';
import { seededRandom } from '@unroll/core/decoding';
import { afterEach, expect, test } from 'vitest';
import { ShardStore } from '../hosting/shard-store.js';
import type { Contribution, ShardValues } from '../shard/messages.js';
import { createOnnxUpdateRule } from '../update-rules/onnx-update-rule.js';
import { partition } from '../vectors/partition.js';
import { float32Bytes } from '../vectors/shard-vector.js';
import { SnapshotFolder } from './snapshot-folder.js';

const [rows, rowLength, dense, lanes] = [4000, 64, 30_000, 4];
const folder = mkdtempSync(join(tmpdir(), 'unroll-snapshots-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each(['sgd', 'adam'] as const)(
  'with %s: the snapshot of a step has the values of that step, though later updates change them while it is written',
  async (name) => {
    const optimizer = name === 'sgd' ? { name } : { name, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    const random = seededRandom(1);
    const uniform = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
    const parameters = [
      { name: 'embedding', shape: [rows, rowLength], byRows: true },
      { name: 'kernel', shape: [dense] },
    ];
    const model = { parameters, optimizer, clipNorm: 1, lanes: { count: lanes, width: 1 }, run: 'this' };
    const run = { version: '1', workers: 1, shard: 0, shards: 1, model };
    const [layout] = partition(parameters, 1);
    const store = new ShardStore(run, layout!, createOnnxUpdateRule);
    const slots = Object.fromEntries(optimizerSlots(optimizer).map((slot) => [slot, new Float32Array(layout!.length)]));
    const values: ShardValues = { parameters: uniform(layout!.length), slots, lanes: uniform(lanes) };
    store.install(values);
    let laneStates = values.lanes;
    const update = async (step: number) => {
      const starts = [0, 1, 2 * step, 400 * step, rows - 1].map((row) => dense + row * rowLength);
      const contribution: Contribution = {
        gradient: { values: uniform(dense), ranges: [100 * step, 100 * step + 20_000] },
        rows: [{ starts, values: uniform(starts.length * rowLength) }],
        lanes: uniform(lanes),
        sumOfSquares: 1,
      };
      store.add(contribution, { from: 0, to: lanes }, true);
      await store.update(step, 0.1, 1);
      laneStates = contribution.lanes;
    };

    for (let step = 1; step <= 3; step++) await update(step);
    const expected = hashesOf({ ...values, lanes: laneStates });
    const frozen = store.freeze();
    await update(4);
    const snapshots = await SnapshotFolder.open({ folder, shard: 0, shards: 1, keep: 3 }, () => undefined);
    const written = snapshots.write({ step: 3, values: frozen });
    for (let step = 5; step <= 8; step++) await update(step);
    await written;
    expect(hashesOf(values).parameters).not.toBe(expected.parameters);
    expect(hashesOf((await snapshots.read(3)).values)).toEqual(expected);
  },
);

/** Hashes stand in for the values, which are too many to compare one by one. */
function hashesOf({ parameters, slots, lanes }: ShardValues): Record<string, string> {
  const vectors = Object.entries({ parameters, ...slots, lanes });
  return Object.fromEntries(
    vectors.map(([name, values]) => [name, createHash('sha256').update(float32Bytes(values)).digest('hex')]),
  );
}
