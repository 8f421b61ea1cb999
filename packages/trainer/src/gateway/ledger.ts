/** The privacy ledger: a file with a line for each sum of people's updates that was published, so that all are counted. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { UnrollError } from '../errors.js';
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

/** What was published so far; nothing if there is no file yet. @throws UnrollError naming the line that is damaged */
export function readLedger(path: string): NoisySum[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line, k) => {
    const entry = entrySchema.safeParse(parseJson(line));
    if (entry.success) return entry.data;
    throw new UnrollError(`${path}: line ${k + 1} is no entry of a privacy ledger; restore the file, or start another`);
  });
}

/** @throws UnrollError if the file cannot be written */
export function appendToLedger(path: string, entry: LedgerEntry): void {
  try {
    appendFileSync(path, `${JSON.stringify(entry)}\n`, { flush: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UnrollError(`${path}: cannot be written (${code}); choose another --ledger`);
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
