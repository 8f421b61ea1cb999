/** For tests: the golden vectors that `scripts/golden/make_speech.py` computed with PyTorch. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface CtcCase {
  readonly shape: readonly [time: number, batch: number, classes: number];
  readonly lengths: readonly number[];
  readonly labels: readonly (readonly number[])[];
  readonly logits: readonly number[];
  /** Weights of the losses in the sum that was differentiated. */
  readonly weights: readonly number[];
  readonly losses: readonly number[];
  readonly gradient: readonly number[];
}

export interface LogMelCase {
  readonly signal: readonly number[];
  readonly frames: number;
  /** [frames, mels] */
  readonly features: readonly number[];
}

const committed = fileURLToPath(new URL('golden', import.meta.url));

/** @param folder the script's output folder; default the committed vectors */
export const readCtcCases = (folder?: string): CtcCase[] => casesOf('ctc', folder);
/** @param folder the script's output folder; default the committed vectors */
export const readLogMelCases = (folder?: string): LogMelCase[] => casesOf('log-mel', folder);

function casesOf<Case>(name: string, folder = committed): Case[] {
  const lines = readFileSync(`${folder}/${name}.jsonl`, 'utf8').trimEnd().split('\n');
  return lines.slice(1).map((line) => JSON.parse(line) as Case);
}
