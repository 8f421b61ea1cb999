/** Runs the built `unroll` as a real process, for tests, and creates small training data for it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { grammarCorpus } from '../data/grammar/grammar-corpus.js';

const program = fileURLToPath(new URL('../../bin/unroll.js', import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface UnrollProcess {
  readonly child: ChildProcess;
  /** Resolves once the logs on stderr have matched; rejects if the process ends before. */
  logged(pattern: RegExp): Promise<void>;
  readonly outcome: Promise<Outcome>;
}

const loggingCommands = ['train', 'launch', 'worker', 'param-server', 'node', 'gateway'];

/** Returns the arguments, plus those that log lines without times unless the test sets a log format. */
export function withPlainLog([command = '', ...args]: readonly string[]): readonly string[] {
  const isTold = args.includes('--log-format') || !loggingCommands.includes(command);
  return isTold ? [command, ...args] : [command, '--log-format', 'plain', ...args];
}

export function startUnroll(...args: readonly string[]): UnrollProcess {
  const child = spawn(process.execPath, [program, ...withPlainLog(args)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject).once('close', (status) => resolve({ status, stdout, stderr }));
  });
  const logged = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (pattern.test(stderr)) resolve();
      };
      child.stderr.on('data', look);
      child.once('close', () => reject(new Error(`ended without logging ${pattern}: ${stderr}`)));
      look();
    });
  return { child, logged, outcome };
}

/** Runs `unroll` with these arguments to its end. */
export function unroll(...args: readonly string[]): Promise<Outcome> {
  return startUnroll(...args).outcome;
}

/**
 * Returns the object that `unroll … --json` prints.
 * @throws Error with the command's messages if it failed, or if stdout is not exactly one line of JSON
 */
export async function unrollJson(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { status, stdout, stderr } = await unroll(...args, '--json');
  if (status !== 0) throw new Error(`unroll ${args.join(' ')}: status ${status}: ${stderr}`);
  if (!/^\{.*\}\n$/.test(stdout)) throw new Error(`unroll ${args.join(' ')}: printed ${stdout}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** A temporary folder, which is removed on disposal. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'unroll-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes a folder with train.txt, valid.txt and test.txt, drawn from the embedded grammar. */
export function writeSmallCorpus(folder: string): string {
  const { train, valid, test } = grammarCorpus({ seed: 7, trainTokens: 1600, heldOutTokens: 300 });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries({ train, valid, test })) writeFileSync(join(folder, `${name}.txt`), text);
  return folder;
}

/** Flags of a model that trains in a second: 20 steps per epoch on the small corpus. */
export const smallModel: readonly string[] = [
  ...['--embedding-dim', '8', '--hidden-dim', '16', '--batch-size', '8', '--sequence-length', '10', '--threads', '1'],
];
