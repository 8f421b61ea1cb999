/** For tests: the golden vectors that `scripts/golden/make.py` took from PyTorch, and whether they can be made again here. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Values } from './onnx-runtime.js';

export const goldenKinds = ['rnn-tanh', 'rnn-relu', 'lstm', 'lstm-projection', 'gru'] as const;
export type GoldenKind = (typeof goldenKinds)[number];

/** A network with its inputs, and what PyTorch made of them; sequences are time-major. */
export interface GoldenCase {
  readonly layers: number;
  readonly bidirectional: boolean;
  /** Of the batch's sequences; null where they are all of the same length. */
  readonly lengths: readonly number[] | null;
  readonly x: Values;
  /** By PyTorch's names. */
  readonly parameters: Readonly<Record<string, Values>>;
  /** The initial h and c, [layers·directions, batch, width]; none for zeros. */
  readonly states: readonly Values[];
  /** What the outputs were multiplied by before they were summed and differentiated. */
  readonly weights: readonly Values[];
  /** The outputs [time, batch, features], then the last states, as the initial ones. */
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

/** @param folder where `make.py` wrote; the committed files if left out */
export function readGolden(kind: GoldenKind, folder = committed): GoldenFile {
  const lines = readFileSync(`${folder}/${kind}.jsonl`, 'utf8').trimEnd().split('\n');
  const [{ inputDim, hiddenDim }, ...networks] = lines.map((line) => JSON.parse(line));
  const cases = networks.flatMap(({ cases: ofNetwork, ...network }) =>
    ofNetwork.map((each: object) => ({ ...network, ...each })),
  );
  return { inputDim, hiddenDim, cases };
}

const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import torch']).status === 0);

/** Why the golden vectors cannot be made here; undefined where they can. */
export const torchMissing = python ? undefined : 'no python3 here has PyTorch, which makes the golden vectors';

/**
 * @param name of the script in `scripts/golden`
 * @throws Error with the script's own words if it fails
 */
export function makeGolden(folder: string, name = 'make.py'): void {
  const script = `${scripts}/${name}`;
  const { status, stderr } = spawnSync(python ?? 'python3', [script, folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
}
