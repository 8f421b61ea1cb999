/** The schema of a task's stored settings, and how flags change its defaults. */
import { z } from 'zod';
import { UsageError } from '../errors.js';
import { optimizerSchema } from '../training/config.js';
import type { Task, TaskSettings } from './task.js';

const count = z.int().positive();
const positive = z.number().positive();

export const taskSettingsSchema = z.strictObject({
  model: z.record(z.string(), z.number()),
  batchSize: count,
  optimizer: optimizerSchema,
  learningRate: positive,
  decay: positive.max(1),
  clipNorm: positive,
  epochs: count,
  maxSteps: count.optional(),
  seed: z.int().nonnegative(),
}) satisfies z.ZodType<TaskSettings>;

/** Settings given by flags; absent ones keep the task's default. */
export type GivenSettings = { readonly [Field in keyof TaskSettings]?: TaskSettings[Field] | undefined };

/**
 * Returns the task's defaults with the given settings in their place.
 * @throws UsageError naming a size that the task's model does not have
 */
export function settingsOf(task: Task, given: GivenSettings): TaskSettings {
  for (const size of Object.keys(given.model ?? {})) {
    if (size in task.defaults.model) continue;
    const known = Object.keys(task.defaults.model).map((name) => `--${name}`);
    throw new UsageError(`--${size}: --task ${task.name} has no such size, but ${known.join(', ')}; leave it out`);
  }
  const fields = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...task.defaults, ...fields, model: { ...task.defaults.model, ...given.model } };
}

/**
 * Returns a checkpoint's settings; flags may change only the run's length.
 * @throws UsageError naming a setting that differs from the checkpoint's
 */
export function resumedSettings(saved: TaskSettings, given: GivenSettings): TaskSettings {
  const { model, epochs, maxSteps, ...rest } = given;
  for (const [name, value] of [...Object.entries(model ?? {}), ...Object.entries(rest)]) {
    if (value === undefined) continue;
    const stored = name in saved.model ? saved.model[name] : saved[name as keyof TaskSettings];
    if (JSON.stringify(value) === JSON.stringify(stored)) continue;
    throw new UsageError(
      `${flagOf(name)}: the checkpoint was trained with ${JSON.stringify(stored)}; leave the flag out to resume it`,
    );
  }
  return { ...saved, epochs: epochs ?? saved.epochs, maxSteps };
}

function flagOf(field: string): string {
  return `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
