import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { main } from '../cli.js';
import { temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';
import { addJobFlags, jobData } from './job-request.js';

test('what a command trains can be handed to other processes as JSON', async () => {
  const command = addJobFlags(new Command('train').option('--workers <n>'));
  const flags = ['--workers', '2', '--data', 'a text.txt', '--out=runs/x', '--threads', '1', '--json'];
  command.parse([...flags, '--gradient-codec', 'top-k:0.01', '--max-steps', '3', '--seed', '4'], { from: 'user' });
  const data = await jobData(command.opts(), command);
  expect(JSON.parse(JSON.stringify(data))).toEqual(data);
  const training = { gradientCodec: { name: 'top-k', density: 0.01 }, maxSteps: 3, seed: 4 };
  expect(data).toMatchObject({ kind: 'language-model', request: { data: 'a text.txt', threads: 1, training } });
});

test('the command as a function trains with several processes', async () => {
  using folder = temporaryFolder();
  const data = writeSmallCorpus(join(folder.path, 'corpus'));
  const model = ['--hidden-dim', '8', '--embedding-dim', '8', '--max-steps', '3', '--batch-size', '4'];
  const status = await main(['train', '--data', data, '--out', join(folder.path, 'run'), ...model, '--workers', '2']);
  expect(status).toBe(0);
});
