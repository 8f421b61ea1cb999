/** For tests: the golden vectors that `scripts/golden/make_crf.py` computed with PyTorch. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const crfScores = ['emissions', 'transitions', 'start', 'stop'] as const;
export type CrfScores = Readonly<Record<(typeof crfScores)[number], readonly number[]>>;

export interface CrfCase extends CrfScores {
  readonly shape: readonly [time: number, batch: number, tags: number];
  readonly lengths: readonly number[];
  /** [time][batch] */
  readonly tags: readonly (readonly number[])[];
  /** Weights of the losses in the sum that was differentiated. */
  readonly weights: readonly number[];
  readonly losses: readonly number[];
  readonly gradients: CrfScores;
}

const committed = fileURLToPath(new URL('golden', import.meta.url));

/** @param folder the script's output folder; default the committed vectors */
export function readCrfCases(folder = committed): CrfCase[] {
  const lines = readFileSync(`${folder}/crf.jsonl`, 'utf8').trimEnd().split('\n');
  return lines.slice(1).map((line) => JSON.parse(line) as CrfCase);
}
