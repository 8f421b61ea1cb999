// Folders that another process writes into: each command that would is refused, and the folder stays as it is.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { LockFile } from '@unroll/param-server/config';
import { expect, test } from 'vitest';
import { smallModel, temporaryFolder, unroll, writeSmallCorpus } from '../testing/unroll-process.js';
import { ResultLock } from './result-lock.js';

test('a second training, of one process or of several, is refused by the checkpoint’s folder or the snapshots’', async () => {
  using folder = temporaryFolder();
  const corpus = writeSmallCorpus(join(folder.path, 'corpus'));
  const at = (name: string) => join(folder.path, name);
  const train = (out: string, ...flags: readonly string[]) =>
    unroll('train', '--data', corpus, '--out', at(out), ...smallModel, '--max-steps', '2', ...flags);
  await using lock = new ResultLock({ folder: at('alone'), role: 'training' });
  await lock.take();
  mkdirSync(at('together.snapshots'));
  const refusal = () => new Error();
  await using snapshots = new LockFile({
    path: join(at('together.snapshots'), 'shard-0.lock'),
    role: 'server 0',
    refusal,
  });
  await snapshots.take();
  const outcomes = await Promise.all([train('alone'), train('together', '--workers', '2')]);
  const holder = `process ${process.pid} on ${hostname()}`;
  expect(outcomes.map(({ status, stderr }) => [status, stderr.trim().split('\n').at(-1)])).toEqual([
    [1, `unroll: ${at('alone')}: ${holder} (training) writes there; end it, or choose another --out`],
    [
      1,
      `unroll: parameter server 0: ${at('together.snapshots')}: ${holder} (server 0) writes its snapshots there; ` +
        'end it, or choose another folder for snapshots',
    ],
  ]);
  expect(readdirSync(at('alone'))).toEqual(['.unroll-lock']);
});

test('a new folder into which nothing was written is removed, and one with files stays', async () => {
  using folder = temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  for (const name of ['empty', 'used']) {
    await using lock = new ResultLock({ folder: at(name), role: 'training' });
    await lock.take();
    if (name === 'used') writeFileSync(join(at(name), 'file'), '');
  }
  expect([existsSync(at('empty')), readdirSync(at('used'))]).toEqual([false, ['file']]);
});

test('a worker that takes over the checkpoints shares the folder with the worker before it, and no other run does', async () => {
  using folder = temporaryFolder();
  const lockOf = (run: string) => new ResultLock({ folder: folder.path, role: 'worker', run });
  await using first = lockOf('servers a:7000');
  await first.take();
  await using second = lockOf('servers a:7000');
  await second.take();
  await Promise.all([first.requireHeld(), second.requireHeld()]);
  await expect(lockOf('servers b:7000').take()).rejects.toThrow('writes there; end it, or choose another --out');
});
