/** For tests: the models that `make.py` and `make_keras.py` made, and whether they can be made again here. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LanguageModelConfig } from '@unroll/core';

/** The folder of the committed files. */
export const committedFiles = fileURLToPath(new URL('files', import.meta.url));

/** Within it, and within any where they are made, the folder of those that Keras 3 wrote itself. */
export const kerasFolder = 'keras-3.15.1';

const scriptAt = (name: string) => fileURLToPath(new URL(name, import.meta.url));

// It matters to nobody but Keras, which by itself would look for TensorFlow.
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

/** Why a framework's files cannot be made here; undefined where they can. */
export function makerMissing(framework: Framework): string | undefined {
  const { needs, python } = makers[framework];
  return python ? undefined : `no python3 here has ${needs}`;
}

/** What the models' own frameworks compute: nats per token of `text.txt`, by file. */
export function expectedLosses(folder: string): Record<string, number> {
  return JSON.parse(readFileSync(join(folder, 'losses.json'), 'utf8')) as Record<string, number>;
}

/**
 * Makes the files of one framework.
 * @returns the folder where they are, `parent` or one in it
 */
export function makeFiles(parent: string, framework: Framework): string {
  if (framework !== 'keras-3') runPython(framework, 'make.py', parent, framework);
  else runPython(framework, 'make_keras.py', parent);
  return framework === 'keras-3' ? join(parent, kerasFolder) : parent;
}

/** A state_dict that is named as word_language_model names it, and the model that it is of. */
export interface TorchModelFile {
  readonly file: string;
  readonly cell: LanguageModelConfig['cell'];
  readonly layers: number;
  readonly tied: boolean;
  /** 0 if its outputs are not projected. */
  readonly projection: number;
}

/** What PyTorch computes for each of the files. */
export function torchLosses(models: readonly TorchModelFile[]): number[] {
  const of = ({ file, cell, layers, tied, projection }: TorchModelFile) =>
    [file, cell.toUpperCase(), layers, projection, ...(tied ? ['tied'] : [])].join();
  return runPython('pytorch', 'loss.py', ...models.map(of))
    .trim()
    .split('\n')
    .map(Number);
}

/** @throws Error with the script's own words if it fails */
function runPython(needed: Framework, script: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(makers[needed].python ?? 'python3', ['-B', scriptAt(script), ...args], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
  return stdout;
}
