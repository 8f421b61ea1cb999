// Processes are killed at moments that are not chosen; what is trained must be what an undisturbed run trains, bit for bit.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canFindProcesses, launched } from '../testing/launched-processes.js';
import { smallModel, startUnroll, temporaryFolder, unrollJson, writeSmallCorpus } from '../testing/unroll-process.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');
const at = (name: string) => join(root.path, name);
const flags = (out: string) => [
  ...['train', '--data', corpus, '--out', at(out), ...smallModel, '--dropout', '0.2'],
  ...['--workers', '2', '--servers', '2', '--epochs', '6', '--snapshot-every', '3'],
];
const learnt = (out: string) =>
  ['model.safetensors', 'optimizer.safetensors'].map((file) => readFileSync(join(at(out), file)));
const kill = (pids: readonly (number | undefined)[]) => {
  for (const pid of pids) if (pid !== undefined) process.kill(pid, 'SIGKILL');
};

beforeAll(() => void writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

describe.skipIf(!canFindProcesses)('a run of 2 workers and 2 parameter servers', () => {
  beforeAll(async () => {
    expect(await unrollJson(...flags('undisturbed'))).toMatchObject({ steps: 120 });
  });

  test('learns the same bits if a worker, a server, and all of them are killed', async () => {
    const { child, logged, outcome } = startUnroll(...flags('killed'));
    await logged(/^epoch 1\//m);
    kill(launched(child, 'worker').slice(1));
    await logged(/^epoch 3\//m);
    kill(launched(child, 'param-server').slice(1));
    await logged(/^epoch 5\//m);
    kill([...launched(child, 'worker'), ...launched(child, 'param-server')]);
    const { status, stderr } = await outcome;
    expect(status).toBe(0);
    expect(stderr).toMatch(/^worker 1 was killed by SIGKILL: starting it again \(1 of 10\)$/m);
    expect(stderr).toMatch(/^back at step \d+, from its snapshot$/m);
    expect(learnt('killed')).toEqual(learnt('undisturbed'));
  });

  test('leaves no snapshots when it is done', () => {
    expect(readdirSync(root.path).filter((name) => name.endsWith('.snapshots'))).toEqual([]);
  });

  test('ends with one line if a process is killed more often than --max-restarts', async () => {
    const { child, logged, outcome } = startUnroll(...flags('limited'), '--max-restarts', '0');
    await logged(/^epoch 1\//m);
    kill(launched(child, 'worker').slice(1));
    const { status, stderr } = await outcome;
    expect(status).toBe(1);
    expect(stderr.match(/^unroll: .*$/gm)).toEqual([
      'unroll: worker 1: was killed by SIGKILL, after 0 restarts; --max-restarts allows no more',
    ]);
  });
});
