/** For tests: the models that `make.py` made with PyTorch and h5py, and Keras itself, and whether they can be made again here. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LanguageModelConfig } from '@unroll/core';

/** The folder of the committed files. */
export const committedFiles = fileURLToPath(new URL('files', import.meta.url));

const scriptAt = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const pythonWith = (imports: string) =>
  ['python3', '/usr/bin/python3'].find((python) => spawnSync(python, ['-c', `import ${imports}`]).status === 0);

const python = { pytorch: pythonWith('torch'), keras: pythonWith('torch, h5py') };
type Framework = keyof typeof python;

/** Why PyTorch's files cannot be made or read here; undefined where they can. */
export const torchMissing = python.pytorch ? undefined : 'no python3 here has PyTorch';

/** Why Keras's files cannot be made again here; undefined where they can. */
export const kerasMakersMissing = python.keras ? undefined : 'no python3 here has PyTorch and h5py';

/** What the models' own frameworks compute: nats per token of `text.txt`, by file. */
export function expectedLosses(folder: string): Record<string, number> {
  return JSON.parse(readFileSync(join(folder, 'losses.json'), 'utf8')) as Record<string, number>;
}

/** Writes the files of one framework into `folder`. */
export function makeFiles(folder: string, framework: Framework): void {
  runPython(framework, 'make.py', folder, framework);
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
  const { status, stdout, stderr } = spawnSync(python[needed] ?? 'python3', ['-B', scriptAt(script), ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
  return stdout;
}
