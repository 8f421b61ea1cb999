/**
 * For tests: the golden vectors that `scripts/golden/make.py` computed with PyTorch, and whether this machine can
 * recompute them.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Values } from './onnx-runtime.js';

export const goldenKinds = ['rnn-tanh', 'rnn-relu', 'lstm', 'lstm-projection', 'gru'] as const;
export type GoldenKind = (typeof goldenKinds)[number];

/** A network with its inputs and PyTorch's results; sequences are time-major. */
export interface GoldenCase {
  readonly layers: number;
  readonly bidirectional: boolean;
  /** Lengths of the batch's sequences; null if they all have the same length. */
  readonly lengths: readonly number[] | null;
  readonly x: Values;
  /** The parameters by PyTorch's names. */
  readonly parameters: Readonly<Record<string, Values>>;
  /** The initial h and c, [layers·directions, batch, width]; empty for zeros. */
  readonly states: readonly Values[];
  /** Weights of the outputs in the sum that was differentiated. */
  readonly weights: readonly Values[];
  /** The outputs [time, batch, features], then the last states in the shapes of the initial ones. */
  readonly outputs: readonly Values[];
  readonly gradients: {
    readonly x: Values;
    readonly parameters: Readonly<Record<string, Values>>;
    readonly states: readonly Values[];
  };
}

export interface GoldenFile {
  readonly inputDim: number;
  readonly hiddenDim: number;
  readonly cases: readonly GoldenCase[];
}

const committed = fileURLToPath(new URL('golden', import.meta.url));
const scripts = fileURLToPath(new URL('../../../../scripts/golden', import.meta.url));

/** @param folder the output folder of `make.py`; default the committed files */
export function readGolden(kind: GoldenKind, folder = committed): GoldenFile {
  const lines = readFileSync(`${folder}/${kind}.jsonl`, 'utf8').trimEnd().split('\n');
  const [{ inputDim, hiddenDim }, ...networks] = lines.map((line) => JSON.parse(line));
  const cases = networks.flatMap(({ cases: ofNetwork, ...network }) =>
    ofNetwork.map((each: object) => ({ ...network, ...each })),
  );
  return { inputDim, hiddenDim, cases };
}

const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import torch']).status === 0);

/** Why the golden vectors cannot be recomputed here; undefined if they can. */
export const torchMissing = python ? undefined : 'no python3 here has PyTorch, which makes the golden vectors';

/**
 * Recomputes golden vectors.
 * @param name file name of the script in `scripts/golden`
 * @throws Error with the script's own words if it fails
 */
export function makeGolden(folder: string, name = 'make.py'): void {
  const script = `${scripts}/${name}`;
  const { status, stderr } = spawnSync(python ?? 'python3', [script, folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
}
