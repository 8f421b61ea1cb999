/** Makes the runs of a sweep, several at once, each as a process of `unroll train`. Finished runs are not repeated. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { duration } from '@unroll/param-server/config';
import { LastLine } from '../cluster/last-line.js';
import { sweepVariable } from '../cluster/sweep-variable.js';
import { UnrollError } from '../errors.js';
import { replaceFile } from '../files/replace-file.js';
import { makeFolder } from '../files/result-folder.js';
import { type RunSummary, readRun } from '../runs/run-summary.js';
import { log } from '../terminal/log.js';
import type { PlannedRun } from './plan.js';

const program = fileURLToPath(new URL('../../bin/unroll.js', import.meta.url));
const planFile = 'sweep.json';

export interface Sweep {
  /** The folder of the runs' folders. */
  readonly out: string;
  /** The flags that all runs have. */
  readonly shared: readonly string[];
  readonly plan: readonly PlannedRun[];
}

export interface SweepOptions {
  /** The index of the only run to make; by default all are made. */
  readonly index?: number | undefined;
  /** Runs at once. */
  readonly parallel: number;
  /** Threads of each run. */
  readonly threads: number;
  /** Whether each run writes TensorBoard's event files; default false. */
  readonly hasEvents?: boolean | undefined;
  /** Interrupts the runs, which then write their checkpoints. */
  readonly signal: AbortSignal;
}

/** A run that failed, and its last line. */
export interface FailedRun {
  readonly name: string;
  readonly reason: string;
}

/**
 * Makes the runs that are not finished; an unfinished one goes on from its checkpoint.
 * @returns the runs that failed; the others go on
 * @throws UnrollError if the folder holds another sweep, or cannot be written
 */
export async function runSweep(
  sweep: Sweep,
  { index, parallel, threads, hasEvents = false, signal }: SweepOptions,
): Promise<FailedRun[]> {
  await requireOwnPlan(sweep);
  const { out, plan, shared } = sweep;
  const waiting = index === undefined ? [...plan] : [plan[index]!];
  const total = waiting.length;
  const failed: FailedRun[] = [];
  let done = 0;
  const work = async () => {
    for (let run = waiting.shift(); run && !signal.aborted; run = waiting.shift()) {
      const folder = join(out, run.name);
      const before = await readRun(folder);
      if (before?.state !== 'finished') {
        const words = [...shared, ...run.words, '--out', folder, '--resume', '--threads', `${threads}`];
        if (hasEvents) words.push('--tensorboard');
        const reason = await train(words, `${folder}.log`, signal);
        if (signal.aborted) return;
        if (reason !== undefined) failed.push({ name: run.name, reason });
      }
      done += 1;
      log(`${done} of ${total}: ${run.name}: ${describe(await readRun(folder), before?.state === 'finished')}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, total) }, work));
  return failed;
}

function describe(run: RunSummary | undefined, wasFinished: boolean): string {
  if (!run) return 'left nothing';
  const { state, best, configuration, seconds } = run;
  const result = best ? `, ${configuration.metric} ${Number(best.value!.toPrecision(5))} at best` : '';
  return `${wasFinished ? 'was finished before' : state}${result}, ${duration(seconds)} of training`;
}

/** Stores the plan, or compares it with the one that the folder has. */
async function requireOwnPlan({ out, shared, plan }: Sweep): Promise<void> {
  await makeFolder(out);
  const path = join(out, planFile);
  const text = `${JSON.stringify({ shared, runs: plan }, null, 2)}\n`;
  if (!existsSync(path)) {
    replaceFile(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    throw new UnrollError(
      `${out}: holds another sweep, whose options are in ${path}; give the same ones to go on with it, or another --out`,
    );
  }
}

/**
 * Runs a training to its end.
 * @param logPath the file for its log
 * @returns the reason if it failed
 */
async function train(words: readonly string[], logPath: string, signal: AbortSignal): Promise<string | undefined> {
  const child = fork(program, ['train', ...words, '--log-format', 'plain'], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Ctrl-C reaches only the sweep, which tells its runs.
    detached: true,
    env: { ...process.env, [sweepVariable]: '1' },
  });
  const logFile = createWriteStream(logPath, { flags: 'a' }).on('error', () => undefined);
  const last = new LastLine();
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    logFile.write(text);
    last.add(text);
  });
  const stop = forwarding(child, signal);
  const [code, killer] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  stop();
  logFile.end();
  if (code === 0) return undefined;
  return killer === null ? last.reason || `ended with status ${code}` : `was killed by ${killer}`;
}

/** Passes an interruption on. Returns a function that ends this. */
function forwarding(child: ChildProcess, signal: AbortSignal): () => void {
  const interrupt = () => void child.kill('SIGINT');
  const kill = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', interrupt, { once: true });
  process.once('exit', kill);
  return () => {
    signal.removeEventListener('abort', interrupt);
    process.off('exit', kill);
  };
}
