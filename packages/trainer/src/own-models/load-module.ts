/** Loads a user's module that says what to train: `unroll train --module`. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { firstLine, UnrollError } from '../errors.js';
import { type ModelTraining, type OwnTask, ownTask } from './own-task.js';

/**
 * Loads the module's default export: a training, or a function that returns one, perhaps later.
 * @throws UnrollError naming the file and what is wrong with it
 */
export async function taskOfModule(file: string): Promise<OwnTask> {
  const path = resolve(file);
  if (!existsSync(path)) throw new UnrollError(`${file}: no such file; give a module that exports what to train`);
  const loaded = await loadedFrom(path, file);
  if (loaded === undefined) {
    throw new UnrollError(`${file}: has no default export; export what to train: { model, loss, train }`);
  }
  const training = typeof loaded === 'function' ? await called(loaded as () => unknown, file) : loaded;
  for (const field of ['model', 'loss', 'train'] as const) {
    if ((training as Partial<ModelTraining> | undefined)?.[field] !== undefined) continue;
    throw new UnrollError(
      `${file}: its default export has no '${field}'; it needs a model, a loss and examples to train on`,
    );
  }
  return ownTask(training as ModelTraining);
}

async function called(make: () => unknown, file: string): Promise<unknown> {
  try {
    return await make();
  } catch (error) {
    throw new UnrollError(`${file}: the function that it exports failed: ${firstLine(error)}`, { cause: error });
  }
}

async function loadedFrom(path: string, file: string): Promise<unknown> {
  try {
    return ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (error) {
    throw new UnrollError(`${file}: cannot be loaded: ${firstLine(error)}`, { cause: error });
  }
}
