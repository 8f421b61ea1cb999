// Processes are killed at arbitrary moments. The trained model must be the one of an undisturbed run, bit for bit.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@unroll/core/decoding';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canFindProcesses, launched, launchedAs, variableOf } from '../testing/launched-processes.js';
import {
  smallModel,
  startUnroll,
  temporaryFolder,
  unroll,
  unrollJson,
  writeSmallCorpus,
} from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (name: string) => join(root.path, name);
const flags = (out: string) => [
  ...['train', '--data', corpus, '--out', at(out), ...smallModel, '--dropout', '0.2'],
  ...['--workers', '2', '--servers', '2', '--epochs', '8', '--snapshot-every', '3'],
];
const learnt = (out: string) =>
  ['model.safetensors', 'optimizer.safetensors'].map((file) => readFileSync(join(at(out), file)));
const kill = (pids: readonly (number | undefined)[], signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL') => {
  for (const pid of pids) if (pid !== undefined) process.kill(pid, signal);
};

beforeAll(() => void writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

describe.skipIf(!canFindProcesses)('a run of 2 workers and 2 parameter servers', () => {
  beforeAll(async () => {
    expect(await unrollJson(...flags('undisturbed'))).toMatchObject({ steps: 160 });
  });

  test('learns the same bits if each worker, each server, and all of them are killed', async () => {
    const { child, logged, outcome } = startUnroll(...flags('killed'));
    const random = seededRandom(1);
    const victims = [
      () => launchedAs(child, 'worker', 1),
      () => launchedAs(child, 'param-server', 0),
      () => launchedAs(child, 'worker', 0),
      () => launchedAs(child, 'param-server', 1),
      () => [...launched(child, 'worker'), ...launched(child, 'param-server')],
    ];
    for (const [k, find] of victims.entries()) {
      await logged(new RegExp(`^epoch ${k + 1}/`, 'm'));
      await sleep(50 * random());
      // A server that receives SIGTERM is away just like a killed one.
      kill(find(), k === 3 ? 'SIGTERM' : 'SIGKILL');
    }
    const { status, stderr } = await outcome;
    expect(status).toBe(0);
    for (const name of ['worker 0', 'worker 1', 'parameter server 0', 'parameter server 1']) {
      expect(stderr).toMatch(
        new RegExp(`^${name} was killed by SIG(KILL|TERM): starting it again \\(1 of 10\\)$`, 'm'),
      );
    }
    expect(stderr).toMatch(/^back at step \d+, from its snapshot$/m);
    expect(learnt('killed')).toEqual(learnt('undisturbed'));
  });

  test('leaves no snapshots when it is done', () => {
    expect(readdirSync(root.path).filter((name) => name.endsWith('.snapshots'))).toEqual([]);
  });

  test('servers give freed buffers back to the system; the run ends with one line if a process is killed too often', async () => {
    const { child, logged, outcome } = startUnroll(...flags('limited'), '--max-restarts', '0');
    await logged(/^epoch 1\//m);
    const thresholds = (role: 'worker' | 'param-server') =>
      launched(child, role).map((pid) => variableOf(pid, 'MALLOC_MMAP_THRESHOLD_'));
    expect(thresholds('param-server')).toEqual(['131072', '131072']);
    expect(thresholds('worker')).toEqual([undefined, undefined]);
    kill(launched(child, 'worker').slice(1));
    const { status, stderr } = await outcome;
    expect(status).toBe(1);
    expect(stderr.match(/^unroll: .*$/gm)).toEqual([
      'unroll: worker 1: was killed by SIGKILL, after 0 restarts; --max-restarts allows no more. If the machine has run out of memory, lower --batch-size or --workers',
    ]);
  });

  test('snapshots of a run that ended early are not passed over by one with another number of servers', async () => {
    const snapshots = () => readdirSync(at('limited.snapshots')).toSorted();
    const before = snapshots();
    expect(before.length).toBeGreaterThan(0);
    const { status, stderr } = await unroll(...flags('limited'), '--resume', '--servers', '1');
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /holds snapshots of a run with another number of servers, 2 instead of 1; start as many again to go on from them/,
    );
    expect(snapshots()).toEqual(before);
  });
});
