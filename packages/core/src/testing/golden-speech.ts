/** For tests: the golden vectors that `scripts/golden/make_speech.py` took from PyTorch. */
import { readFileSync } from 'node:fs';

export interface CtcCase {
  readonly shape: readonly [time: number, batch: number, classes: number];
  readonly lengths: readonly number[];
  readonly labels: readonly (readonly number[])[];
  readonly logits: readonly number[];
  /** What each loss was multiplied by before they were summed and differentiated. */
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

export const readCtcCases = (): CtcCase[] => casesOf('ctc');
export const readLogMelCases = (): LogMelCase[] => casesOf('log-mel');

function casesOf<Case>(name: string): Case[] {
  const lines = readFileSync(new URL(`golden/${name}.jsonl`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.slice(1).map((line) => JSON.parse(line) as Case);
}
