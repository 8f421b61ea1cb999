/** The schema of a task's stored settings, and how flags change its defaults. */
import { z } from 'zod';
import { recipeFields } from '../configuration/recipe.js';
import type { Schedule } from '../configuration/schemas.js';
import { UsageError } from '../errors.js';
import type { Task, TaskSettings } from './task.js';

const settingsSchema = z.strictObject({
  ...recipeFields,
  /** Sizes of the architecture, by the names of their flags. */
  model: z.record(z.string(), z.number()),
}) satisfies z.ZodType<TaskSettings>;

/** Older checkpoints have a factor by which each epoch multiplies the learning rate, in place of a schedule. */
export const taskSettingsSchema = z.preprocess((stored) => {
  if (typeof stored !== 'object' || stored === null || !('decay' in stored)) return stored;
  const { decay, ...settings } = stored;
  return { ...settings, schedule: everyEpoch(Number(decay)) };
}, settingsSchema);

/** Returns the schedule that multiplies the learning rate by `decay` after each epoch. */
export function everyEpoch(decay: number): Schedule {
  return { name: 'step', constantEpochs: 1, decay };
}

type Defaulted = 'warmupSteps' | 'accumulate' | 'precision' | 'mode' | 'gradientCodec' | 'seed';

/** Returns a task's settings with those in place that are alike for all tasks. */
export function withDefaults(settings: Omit<TaskSettings, Defaulted>): TaskSettings {
  return {
    ...{ warmupSteps: 0, accumulate: 1, precision: 'float32', seed: 1 },
    ...{ mode: { name: 'sync' }, gradientCodec: { name: 'float32' } },
    ...settings,
  };
}

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
  const settings = { ...task.defaults, ...fields, model: { ...task.defaults.model, ...given.model } };
  if (settings.batchSize % settings.accumulate === 0) return settings;
  throw new UsageError(
    `--accumulate: ${settings.batchSize} examples cannot be divided into ${settings.accumulate} equal parts`,
  );
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
