/**
 * Copies of a run's checkpoints within its folder: `best`, of the best evaluation, and `step-<n>`, of the latest ones.
 * They share the files' contents with the checkpoint that they were made from, where the file system has hard links.
 */
import { copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { option } from '../configuration/option-names.js';
import { UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';
import { unfinishedIn } from '../files/unfinished.js';

const bestName = 'best';
const stepName = /^step-(\d+)$/;

/** Whether a name in a checkpoint's folder is that of a copy. */
export function isKeptCheckpoint(name: string): boolean {
  return name === bestName || stepName.test(name);
}

export interface KeptCheckpointsOptions {
  readonly folder: string;
  /** The names that a checkpoint's files may have. */
  readonly files: readonly string[];
  /** How many of the latest checkpoints to keep; by default none but the one in the folder. */
  readonly keep: number | undefined;
  /** The step that the run begins with: copies of other runs, or of later steps, are removed. */
  readonly firstStep: number;
}

export class KeptCheckpoints {
  readonly #options: KeptCheckpointsOptions;
  #firstStep: number | undefined;

  constructor(options: KeptCheckpointsOptions) {
    this.#options = options;
    this.#firstStep = options.firstStep;
  }

  /** Another process of this run has written the copies so far. */
  takeOver(): void {
    this.#firstStep = undefined;
  }

  /**
   * Keeps the checkpoint that was written into the folder, as far as it is to be kept, and removes the copies that are
   * no longer.
   * @throws UnrollError if a copy cannot be written
   */
  async add({ step, isBest }: { readonly step: number; readonly isBest: boolean }): Promise<void> {
    const { folder, keep } = this.#options;
    const path = resolve(folder);
    try {
      if (this.#firstStep !== undefined) await removeLater(path, this.#firstStep);
      this.#firstStep = undefined;
      if (isBest) await this.#copy(path, bestName);
      if (keep === undefined) return;
      await this.#copy(path, `step-${step}`);
      const steps = (await readdir(path)).flatMap((name) => Number(stepName.exec(name)?.[1] ?? []));
      for (const old of steps.toSorted((a, b) => b - a).slice(keep)) await remove(join(path, `step-${old}`));
    } catch (error) {
      throw new UnrollError(
        `${folder}: holds the checkpoint of step ${step}, but no copy of it can be kept there: ${fileErrorReason(error)}; make room, then go on with ${option('resume')}`,
        { cause: error },
      );
    }
  }

  async #copy(path: string, name: string): Promise<void> {
    const temporary = unfinishedIn(path);
    await mkdir(temporary);
    for (const file of this.#options.files) await linkOrCopy(join(path, file), join(temporary, file));
    await remove(join(path, name));
    await rename(temporary, join(path, name));
  }
}

async function removeLater(path: string, firstStep: number): Promise<void> {
  for (const name of await readdir(path)) {
    const step = stepName.exec(name)?.[1];
    const isOfOthers = firstStep === 0 && isKeptCheckpoint(name);
    if (isOfOthers || Number(step ?? 0) > firstStep) await remove(join(path, name));
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // Not every kind of model has every file.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') await copyFile(from, to);
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
