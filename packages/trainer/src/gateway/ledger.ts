/** The privacy ledger: a file with a line for each sum of people's updates that was published, so that all are counted. */
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { z } from 'zod';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import type { NoisySum } from './privacy.js';

const entrySchema = z.object({
  samplingRate: z.number().positive().max(1),
  noiseMultiplier: z.number().positive(),
  clipNorm: z.number().positive(),
  clients: z.int().positive(),
  /** The SHA-256 of the model.onnx that the updates were of. */
  model: z.string(),
});

export type LedgerEntry = z.infer<typeof entrySchema>;

/** Of a ledger that is new: nobody else needs to know when people contributed. */
const mode = 0o600;

/**
 * What was published so far; nothing if there is no file yet. A round whose entry could not be written must not begin: so it is
 * found out here whether the file can be written.
 * @throws UnrollError naming the line that is damaged, or saying why the file cannot be written
 */
export function readLedger(path: string): NoisySum[] {
  const lines = orExplain(path, () => {
    const isNew = !existsSync(path);
    closeSync(openSync(path, 'a', mode));
    const text = readFileSync(path, 'utf8');
    if (isNew) rmSync(path);
    return text.split('\n').filter(Boolean);
  });
  return lines.map((line, k) => {
    const entry = entrySchema.safeParse(parseJson(line));
    if (entry.success) return entry.data;
    throw new UnrollError(`${path}: line ${k + 1} is no entry of a privacy ledger; restore the file, or start another`);
  });
}

/** @throws UnrollError if the file cannot be written; it is then as it was */
export function appendToLedger(path: string, entry: LedgerEntry): void {
  orExplain(path, () => {
    const size = existsSync(path) ? statSync(path).size : 0;
    try {
      appendFileSync(path, ledgerLine(entry), { flush: true, mode });
    } catch (error) {
      truncateSync(path, size);
      throw error;
    }
  });
}

export function ledgerLine(entry: LedgerEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

function orExplain<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw new UnrollError(`${path}: cannot be written: ${fileErrorReason(error)}; choose another --ledger`);
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
