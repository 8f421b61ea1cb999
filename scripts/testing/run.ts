// Once for a run of tests: nothing that it started outlives it, not even where it is killed.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { runVariable } from './processes.mjs';

export default function markRun(): void {
  const run = randomUUID();
  // In a group of its own, which a Ctrl-C in the terminal does not reach, and without the mark.
  const keeper = spawn(process.execPath, [fileURLToPath(new URL('end-with-run.mjs', import.meta.url)), run], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  keeper.unref();
  // The workers of Vitest and whatever they start inherit it.
  process.env[runVariable] = run;
}
