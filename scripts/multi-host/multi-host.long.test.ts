// Training on several machines, as far as one machine can simulate them; see run.mjs. If it cannot, the test says why.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('run.mjs', import.meta.url));

test('a slow, narrow, lossy or broken network does not change one bit of the model', async (context) => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--steps', '120']);
  console.log(stdout.trim());
  const lines = stdout.trim().split('\n');
  const skipped = lines.filter((line) => line.startsWith('skipped: '));
  if (skipped.length === lines.length) context.skip(skipped[0]!.replace('skipped: ', ''));
  for (const line of skipped) await context.annotate(line);
  const compared = lines.filter((line) => !skipped.includes(line));
  expect(compared.filter((line) => !/^(equal|complete): /.test(line))).toEqual([]);
  expect(compared.join('\n')).toContain('equal: a worker cut off for 10 s');
  expect(compared.join('\n')).toContain('equal: the server cut off for 55 s');
  expect(compared.join('\n')).toContain('complete: a worker cut off until it is given up');
});
