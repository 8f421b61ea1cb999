// Processes that wait for others name them: no long wait is silent. It runs the built command: build first.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../testing/free-port.js';
import { smallModel, startUnroll, temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';

test('a worker without a server, a server without workers, and both without the other worker say what they wait for', async () => {
  using folder = temporaryFolder();
  const corpus = writeSmallCorpus(join(folder.path, 'corpus'));
  const port = `${await freePort()}`;
  const server = (at: string) => startUnroll('param-server', '--port', at, '--workers', '2');
  const worker = startUnroll(
    ...['worker', '--data', corpus, '--out', join(folder.path, 'run'), ...smallModel, '--worker', '0'],
    ...['--workers', '2', '--server-addresses', `127.0.0.1:${port}`],
  );
  const alone = server('0');
  await Promise.all([
    worker.logged(/waiting for parameter server 127\.0\.0\.1:\d+ \(shard 0 of 1\), for \d+ s now/),
    alone.logged(/waiting for the first of 2 workers, for \d+ s now/),
  ]);
  const late = server(port);
  await Promise.all([
    worker.logged(/waiting for the other workers at step 0, for \d+ s now/),
    late.logged(/waiting for worker 1 at step 0, for \d+ s now/),
  ]);
  for (const { child } of [worker, alone, late]) child.kill('SIGTERM');
  const outcomes = await Promise.all([worker.outcome, alone.outcome, late.outcome]);
  expect(outcomes.map(({ status }) => status)).toEqual([null, 143, 143]);
});
