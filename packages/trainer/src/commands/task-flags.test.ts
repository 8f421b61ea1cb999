import { Command } from 'commander';
import { expect, test } from 'vitest';
import { sentiment } from '../tasks/sentiment/task.js';
import { addJobFlags, type JobFlags } from './job-request.js';
import { taskRequest } from './task-flags.js';

function requested(...args: readonly string[]) {
  const command = addJobFlags(new Command('train').exitOverride());
  command.parse(['--task', 'sentiment', '--data', 'sample', '--out', 'x', ...args], { from: 'user' });
  return taskRequest(command, command.opts<JobFlags>(), sentiment).given;
}

test('flags become settings of an application: sizes, the recipe with its optimizers, the details of a mode', () => {
  expect(requested()).toEqual({ model: {} });
  expect(requested('--hidden-dim', '9', '--optimizer', 'nt-asgd', '--mode', 'local', '--local-steps', '7')).toEqual({
    model: { hiddenDim: 9 },
    optimizer: { name: 'nt-asgd', patience: 5 },
    mode: { name: 'local', localSteps: 7 },
  });
});

test.each([
  [['--precision', 'mixed'], '--precision: is for language models; leave it out with --task sentiment'],
  [['--sequence-length', '5'], '--sequence-length: is for language models'],
  [['--preset', 'seed'], '--preset: is for language models'],
  [['--staleness', '1'], '--staleness: is for --mode ssp'],
])('%j is refused', (args, message) => {
  expect(() => requested(...args)).toThrow(message);
});
