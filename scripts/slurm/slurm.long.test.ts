// Runs deploy/slurm/train.sbatch on a real Slurm, as far as one machine can be a cluster; see run.mjs. If it cannot,
// the test says why.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('run.mjs', import.meta.url));

test('killed tasks, a lost node, a time limit and a neighbour do not change one bit of the model', async (context) => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--steps', '120']);
  console.log(stdout.trim());
  const lines = stdout.trim().split('\n');
  const skipped = lines.find((line) => line.startsWith('skipped: '));
  if (skipped) context.skip(skipped.replace('skipped: ', ''));
  expect(lines.map((line) => line.split(': ').slice(0, 2).join(': ')).toSorted()).toEqual([
    'equal: a killed server and a killed worker',
    'equal: a node that is taken away',
    'equal: another job on the same nodes',
    'equal: time that runs out',
  ]);
});
