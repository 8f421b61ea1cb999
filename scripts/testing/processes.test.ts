import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { childrenOf, runVariable } from './processes.mjs';

/** A process that never ends by itself. */
const idle = 'setInterval(() => {}, 1000);';

function start(code: string, run: string): ChildProcess {
  return spawn(process.execPath, ['--eval', code], { env: { ...process.env, [runVariable]: run }, stdio: 'ignore' });
}

describe.skipIf(!existsSync('/proc/self/environ'))('processes of tests', () => {
  const shared = spawn(process.execPath, ['--eval', idle], { stdio: 'ignore' });
  let left: number | undefined;

  test('a test leaves a process', () => {
    left = spawn(process.execPath, ['--eval', idle], { stdio: 'ignore' }).pid!;
    process.kill(left, 'SIGSTOP');
  });

  test('which has ended when the next test begins, unlike those that all tests of the file share', async () => {
    await expect.poll(() => childrenOf(process.pid)).toEqual([shared.pid]);
    expect(left).toBeDefined();
  });

  test('the remaining processes of a killed run are killed, and no others', async () => {
    const runs = ['of-this-test', 'of-another-test'] as const;
    const [ours, theirs] = runs.map((run) => start(idle, run)) as [ChildProcess, ChildProcess];
    // The run holds the keeper's stdin: when the run ends, stdin ends.
    const keeper = fileURLToPath(new URL('end-with-run.mjs', import.meta.url));
    const run = start(
      `require('node:child_process').spawn(process.execPath, ['${keeper}', '${runs[0]}'], {
        env: {}, stdio: ['pipe', 'ignore', 'ignore'],
      }); ${idle}`,
      runs[1],
    );
    await expect.poll(() => childrenOf(run.pid!).length).toBe(1);
    process.kill(ours.pid!, 'SIGSTOP');
    const killed = once(ours, 'exit');
    run.kill('SIGKILL');
    expect(await killed).toEqual([null, 'SIGKILL']);
    expect(theirs.exitCode ?? theirs.signalCode).toBe(null);
  });
});
