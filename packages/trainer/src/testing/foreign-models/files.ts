/** For tests: the models made by `make.py` and `make_keras.py`, and whether they can be made again here. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LanguageModelConfig } from '@unroll/core';

/** The folder of the committed files. */
export const committedFiles = fileURLToPath(new URL('files', import.meta.url));

/** The subfolder of files that Keras 3 wrote itself, here and wherever files are made. */
export const kerasFolder = 'keras-3.15.1';

const scriptAt = (name: string) => fileURLToPath(new URL(name, import.meta.url));

// Affects Keras only, which would otherwise look for TensorFlow.
const env = { ...process.env, KERAS_BACKEND: 'numpy' };

const pythonWith = (imports: string) =>
  ['python3', '/usr/bin/python3'].find((python) => spawnSync(python, ['-c', imports], { env }).status === 0);

const makers = {
  pytorch: { needs: 'PyTorch', python: pythonWith('import torch') },
  'keras-2': { needs: 'PyTorch and h5py', python: pythonWith('import torch, h5py') },
  'keras-3': { needs: 'Keras 3.15.1', python: pythonWith('import keras; assert keras.__version__ == "3.15.1"') },
} as const;
export type Framework = keyof typeof makers;
export const frameworks = Object.keys(makers) as Framework[];

/** Returns why a framework's files cannot be made here; undefined if they can. */
export function makerMissing(framework: Framework): string | undefined {
  const { needs, python } = makers[framework];
  return python ? undefined : `no python3 here has ${needs}`;
}

/** Returns the results of the models' own frameworks: nats per token of `text.txt`, by file. */
export function expectedLosses(folder: string): Record<string, number> {
  return JSON.parse(readFileSync(join(folder, 'losses.json'), 'utf8')) as Record<string, number>;
}

/**
 * Makes the files of one framework.
 * @returns their folder: `parent`, or one inside it
 */
export function makeFiles(parent: string, framework: Framework): string {
  if (framework !== 'keras-3') runPython(framework, 'make.py', parent, framework);
  else runPython(framework, 'make_keras.py', parent);
  return framework === 'keras-3' ? join(parent, kerasFolder) : parent;
}

/** A state_dict named as in word_language_model, and the architecture of its model. */
export interface TorchModelFile {
  readonly file: string;
  readonly cell: LanguageModelConfig['cell'];
  readonly layers: number;
  readonly tied: boolean;
  /** Width of the projected outputs; 0 if they are not projected. */
  readonly projection: number;
}

/** Returns PyTorch's loss for each of the files. */
export function torchLosses(models: readonly TorchModelFile[]): number[] {
  const of = ({ file, cell, layers, tied, projection }: TorchModelFile) =>
    [file, cell.toUpperCase(), layers, projection, ...(tied ? ['tied'] : [])].join();
  return runPython('pytorch', 'loss.py', ...models.map(of))
    .trim()
    .split('\n')
    .map(Number);
}

/**
 * Runs a script and returns its output.
 * @throws Error with the script's own message if it fails
 */
function runPython(needed: Framework, script: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(makers[needed].python ?? 'python3', ['-B', scriptAt(script), ...args], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
  return stdout;
}
