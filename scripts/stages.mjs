// Stages of a longer job, each announced with the time it took, and programs run for them. Uses only Node's own
// modules, because this file runs before anything is installed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the workspace. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs one stage between two lines with its title and its duration; returns the stage's result. */
export async function stage(title, work) {
  console.log(`\n── ${title}`);
  const started = performance.now();
  try {
    return await work();
  } finally {
    console.log(`── ${title}: ${seconds(performance.now() - started)}`);
  }
}

/** Formats milliseconds as `3.2 s` or `1 min 05 s`. */
export function seconds(milliseconds) {
  const total = milliseconds / 1000;
  if (total < 60) return `${total.toFixed(1)} s`;
  return `${Math.floor(total / 60)} min ${String(Math.floor(total % 60)).padStart(2, '0')} s`;
}

/** Runs a program in the workspace's folder with its output on our terminal. Returns whether it succeeded. */
export async function run(program, args, { env = {} } = {}) {
  const { status } = await execute(program, args, { env, stdio: 'inherit' });
  return status === 0;
}

/** Like {@link run}, but returns the program's stdout instead of showing it. */
export async function capture(program, args) {
  const { status, stdout } = await execute(program, args, { env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`${[program, ...args].join(' ')}: failed with status ${status}`);
  return stdout;
}

/** The path of a program of an installed package. */
export function installed(program) {
  return join(root, 'node_modules/.bin', program);
}

async function execute(program, args, { env, stdio }) {
  // On Windows, programs of packages are batch files, which only its shell runs.
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio,
    shell: process.platform === 'win32',
  });
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  const [status] = await once(child, 'close');
  return { status, stdout };
}
