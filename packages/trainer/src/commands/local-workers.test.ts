// Several workers on each of two machines, here of two commands on one, in real processes. It runs the built command.
import { join } from 'node:path';
import { startParameterServer } from '@unroll/param-server/server';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { canFindProcesses, launched } from '../testing/launched-processes.js';
import { unrollHere } from '../testing/unroll-here.js';
import { smallModel, startUnroll, temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';
import { version } from '../version.js';

const root = temporaryFolder();
const corpus = join(root.path, 'corpus');

beforeAll(() => void writeSmallCorpus(corpus));
afterAll(() => root[Symbol.dispose]());

test.skipIf(!canFindProcesses)('each command starts its workers, and starts one again that is killed', async () => {
  const server = await startParameterServer({ port: 0, shard: 0, shards: 1, workers: 4, version });
  const shared = ['--data', corpus, '--out', join(root.path, 'out'), ...smallModel, '--epochs', '1'];
  const machine = (first: number) => [
    ...['worker', ...shared, '--server-addresses', `127.0.0.1:${server.port}`],
    ...['--worker', `${first}`, '--local-workers', '2', '--workers', '4'],
  ];
  const [first, second] = [startUnroll(...machine(0)), startUnroll(...machine(2))];
  await expect.poll(() => launched(second.child, 'worker').length).toBe(2);
  process.kill(launched(second.child, 'worker').at(-1)!, 'SIGKILL');
  const [ofFirst, ofSecond] = await Promise.all([first.outcome, second.outcome]);
  await server.done;
  expect(ofFirst.stderr).toContain('epoch 1/1, step 20: training perplexity');
  expect(ofFirst).toMatchObject({ status: 0, stdout: expect.stringContaining('20 steps') });
  expect(ofSecond).toMatchObject({ status: 0, stdout: '' });
  expect(ofSecond.stderr).toMatch(/^worker [23] was killed by SIGKILL: starting it again \(1 of 10\)$/m);
});

test.each([
  ['--worker 3 --local-workers 2', '--local-workers: 2 from worker 3 on end with worker 4, which is not below the 4'],
  ['--worker 0 --max-restarts 2', '--max-restarts: is for --local-workers'],
])('%s is wrong usage', async (flags, message) => {
  const run = ['worker', '--data', corpus, '--out', join(root.path, 'x'), '--server-addresses', '127.0.0.1:1'];
  const { status, stderr } = await unrollHere(...run, '--workers', '4', ...flags.split(' '));
  expect(status).toBe(2);
  expect(stderr).toContain(message);
});
