/** The privacy ledger: a file with one line for each published sum of people's updates, so that all are counted. */
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { LockFile } from '@unroll/param-server/config';
import { z } from 'zod';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import type { NoisySum } from './privacy.js';

const entrySchema = z.object({
  samplingRate: z.number().positive().max(1),
  noiseMultiplier: z.number().positive(),
  clipNorm: z.number().positive(),
  clients: z.int().positive(),
  /** The SHA-256 of the model.onnx that the updates belong to. */
  model: z.string(),
});

export type LedgerEntry = z.infer<typeof entrySchema>;

/** Only its owner can read a new ledger: nobody else needs to know when people contributed. */
const mode = 0o600;

/** A gateway holds the ledger while it enters a line, which takes milliseconds. */
const longestWaitSeconds = 10;

/**
 * Returns the sums published so far; none if there is no file yet. Also checks that the file can be written, because a
 * round whose entry could not be written must not begin.
 * @throws UnrollError naming the line that is damaged, or saying why the file cannot be written
 */
export function readLedger(path: string): NoisySum[] {
  const lines = orExplain(path, () => {
    const isNew = !existsSync(path);
    closeSync(openSync(path, 'a', mode));
    const text = readFileSync(path, 'utf8');
    if (isNew) rmSync(path);
    return text.split('\n');
  });
  return lines.flatMap((line, k) => {
    if (line.trim() === '') return [];
    const entry = entrySchema.safeParse(parseJson(line));
    if (entry.success) return [entry.data];
    throw new UnrollError(
      `${path}: line ${k + 1} is no entry of a privacy ledger; restore it: without it the privacy that it spent is not counted`,
    );
  });
}

/**
 * Enters a sum under a lock: another gateway that enters one at the same time waits. Returns all sums of the ledger,
 * including those that others have entered meanwhile.
 * @throws UnrollError if the file cannot be written; it is then unchanged
 */
export async function appendToLedger(path: string, entry: LedgerEntry): Promise<NoisySum[]> {
  await using _ = await holdLock(path);
  const published = readLedger(path);
  orExplain(path, () => {
    const before = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    const separator = before.length === 0 || before.at(-1) === newline ? '' : '\n';
    try {
      appendFileSync(path, separator + ledgerLine(entry), { flush: true, mode });
    } catch (error) {
      if (existsSync(path)) truncateSync(path, before.length);
      throw error;
    }
  });
  return [...published, entry];
}

const newline = 0x0a;

/** Takes the lock that shows that the ledger is being written. */
async function holdLock(path: string): Promise<LockFile> {
  const lock = new LockFile({
    ...{ path: `${path}.lock`, role: 'gateway', patienceSeconds: longestWaitSeconds },
    refusal: (holder) => new UnrollError(`${path}: ${holder} is writing the ledger; end it if it stands still`),
  });
  await lock.take().catch((error: unknown) => {
    throw error instanceof UnrollError ? error : explained(path, error);
  });
  return lock;
}

export function ledgerLine(entry: LedgerEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

function orExplain<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw explained(path, error);
  }
}

function explained(path: string, error: unknown): UnrollError {
  return new UnrollError(`${path}: cannot be written: ${fileErrorReason(error)}; choose another --ledger`);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
