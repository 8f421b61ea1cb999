import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { main } from '../cli.js';
import { temporaryFolder, writeSmallCorpus } from '../testing/unroll-process.js';
import { addJobFlags, givenJobFlags } from './job-request.js';

test('workers get the flags that say what to train, as they were given', () => {
  const command = addJobFlags(new Command('train').option('--workers <n>').option('--lease <seconds>'));
  const flags = ['--workers', '2', '--data', 'a text.txt', '--out=runs/x', '--threads', '1', '--json', '--lease', '9'];
  command.parse([...flags, '--gradient-codec', 'top-k:0.01', '--tie-weights', '--seed', '3'], { from: 'user' });
  expect(givenJobFlags(command)).toEqual([
    ...['--data=a text.txt', '--out=runs/x', '--gradient-codec=top-k:0.01', '--tie-weights', '--seed=3'],
  ]);
});

test('the command as a function trains with several processes', async () => {
  using folder = temporaryFolder();
  const data = writeSmallCorpus(join(folder.path, 'corpus'));
  const model = ['--hidden', '8', '--embedding', '8', '--max-steps', '3', '--batch-size', '4'];
  const status = await main(['train', '--data', data, '--out', join(folder.path, 'run'), ...model, '--workers', '2']);
  expect(status).toBe(0);
});
