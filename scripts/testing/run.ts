// Runs once for each test run, so that no process outlives the run, even if it is killed.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { runVariable } from './processes.mjs';

export default function markRun(): void {
  const run = randomUUID();
  // In its own process group, which a Ctrl-C in the terminal does not reach, and without the mark.
  const keeper = spawn(process.execPath, [fileURLToPath(new URL('end-with-run.mjs', import.meta.url)), run], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  keeper.unref();
  // Vitest's workers and all processes that they start inherit it.
  process.env[runVariable] = run;
}
