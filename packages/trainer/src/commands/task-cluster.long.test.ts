// Applications on parameter servers: as one process, and to the same bits when processes are killed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { decodeSafetensors } from '../checkpoint/safetensors.js';
import { flagNamed } from '../configuration/hyperparameters.js';
import { taskNames } from '../tasks/task-names.js';
import { tasks } from '../tasks/tasks.js';
import { canFindProcesses, launched, launchedAs } from '../testing/launched-processes.js';
import { startUnroll, temporaryFolder, unroll, unrollJson } from '../testing/unroll-process.js';

const root = temporaryFolder();
const at = (name: string) => join(root.path, name);
afterAll(() => root[Symbol.dispose]());

const together = ['--workers', '2', '--servers', '2', '--snapshot-every', '3'];
const optimizerFile = (out: string) => readFileSync(join(at(out), 'optimizer.safetensors'));
const sentiment = (out: string) => [
  ...[
    'train',
    '--task',
    'sentiment',
    '--data',
    'sample',
    '--threads',
    '1',
    '--embedding-dim',
    '16',
    '--hidden-dim',
    '16',
  ],
  ...['--batch-size', '20', '--dropout', '0.2', '--max-steps', '60', '--out', at(out)],
];

test.each(taskNames)('two workers train --task %s to the parameters of one process', async (task) => {
  const sizes = (['embeddingDim', 'hiddenDim'] as const).filter((size) => size in tasks[task].defaults.model);
  const small = [...sizes.flatMap((size) => [flagNamed(size), '8']), '--batch-size', '10'];
  const flags = ['train', '--task', task, '--data', 'sample', '--threads', '1', '--max-steps', '6', ...small];
  const alone = await unrollJson(...flags, '--out', at(`${task}-alone`));
  const pair = await unrollJson(...flags, '--workers', '2', '--out', at(`${task}-pair`));
  expect(pair).toMatchObject({ task, steps: 6, metric: alone.metric });
  expect(pair.value as number).toBeCloseTo(alone.value as number, 3);
  const [one, two] = [`${task}-alone`, `${task}-pair`].map((out) => decodeSafetensors(optimizerFile(out), out));
  for (const [name, { values }] of Object.entries(one!)) {
    if (!name.startsWith('latest/')) continue;
    const farthest = values.reduce((most, value, k) => Math.max(most, Math.abs(value - two![name]!.values[k]!)), 0);
    expect(farthest).toBeLessThan(1e-4);
  }
});

describe.skipIf(!canFindProcesses)('sentiment on 2 workers and 2 servers', () => {
  test('learns the same bits if each worker, each server, and all of them are killed', async () => {
    await unrollJson(...sentiment('undisturbed'), ...together);
    const { child, logged, outcome } = startUnroll(...sentiment('killed'), ...together);
    await logged(/parameters, 480 training examples/);
    const victims = [
      () => launchedAs(child, 'worker', 1),
      () => launchedAs(child, 'param-server', 0),
      () => launchedAs(child, 'worker', 0),
      () => [...launched(child, 'worker'), ...launched(child, 'param-server')],
    ];
    for (const find of victims) {
      for (const pid of [find()].flat()) if (pid !== undefined) process.kill(pid, 'SIGKILL');
      await logged(/starting it again/);
    }
    const { status, stderr } = await outcome;
    expect(status).toBe(0);
    expect(stderr).toMatch(/was killed by SIGKILL: starting it again/);
    expect(optimizerFile('killed').equals(optimizerFile('undisturbed'))).toBe(true);
  });

  test('that are resumed by one process go on from their checkpoint', async () => {
    const outcome = await unroll(...sentiment('undisturbed'), '--max-steps', '62', '--resume', '--json');
    expect(outcome.status).toBe(0);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ steps: 62 });
  });
});
