/** For tests: the golden values that `scripts/golden/make_optimizers.py` computed with PyTorch. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { OptimizerName } from '../optimizers/optimizer-config.js';

export interface OptimizerCase {
  readonly kind: 'optimizer';
  readonly name: OptimizerName;
  readonly rate: number;
  readonly start: readonly number[];
  /** The gradient at each step. */
  readonly gradients: readonly (readonly number[])[];
  /** The parameter after each step. */
  readonly steps: readonly (readonly number[])[];
}

export interface PlateauCase {
  readonly kind: 'plateau';
  readonly patience: number;
  /** The validation loss of each epoch. */
  readonly losses: readonly number[];
  /** The learning rate of each epoch; the first has no loss before it. */
  readonly rates: readonly number[];
}

export interface SmoothingCase {
  readonly kind: 'smoothing';
  readonly epsilon: number;
  readonly rows: number;
  readonly width: number;
  readonly classes: number;
  readonly features: readonly number[];
  readonly weights: readonly number[];
  readonly bias: readonly number[];
  readonly targets: readonly number[];
  /** Weights of the losses in the sum that was differentiated. */
  readonly scales: readonly number[];
  readonly losses: readonly number[];
  readonly gradients: Readonly<Record<'features' | 'weights' | 'bias', readonly number[]>>;
}

type Case = OptimizerCase | PlateauCase | SmoothingCase;

const committed = fileURLToPath(new URL('golden', import.meta.url));

/** @param folder the script's output folder; default the committed file */
export function readOptimizerCases<Kind extends Case['kind']>(
  kind: Kind,
  folder = committed,
): Extract<Case, { kind: Kind }>[] {
  const lines = readFileSync(`${folder}/optimizers.jsonl`, 'utf8').trimEnd().split('\n');
  const cases = lines.slice(1).map((line) => JSON.parse(line) as Case);
  return cases.filter((each): each is Extract<Case, { kind: Kind }> => each.kind === kind);
}
