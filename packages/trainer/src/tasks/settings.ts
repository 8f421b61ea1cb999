/** The schema of a task's stored settings, and how flags change its defaults. */
import { z } from 'zod';
import { presentSizes } from '../configuration/former-names.js';
import { defaultsOf, isChangeable, resumedWith } from '../configuration/hyperparameters.js';
import { option, settingOption, sizeOption } from '../configuration/option-names.js';
import { recipeFields } from '../configuration/recipe.js';
import type { Schedule } from '../configuration/variants.js';
import { schemaFault, UsageError } from '../errors.js';
import type { Task, TaskSettings } from './task.js';

const settingsSchema = z.strictObject({
  ...recipeFields,
  /** Sizes of the architecture, by the names of their flags. */
  model: z.record(z.string(), z.number()),
}) satisfies z.ZodType<TaskSettings>;

/**
 * Older checkpoints have a factor by which each epoch multiplies the learning rate, in place of a schedule, and former
 * names of sizes.
 */
export const taskSettingsSchema = z.preprocess((stored) => {
  if (typeof stored !== 'object' || stored === null) return stored;
  const { decay, model, ...settings } = stored as { decay?: unknown; model?: unknown };
  return {
    ...settings,
    ...(decay === undefined ? {} : { schedule: everyEpoch(Number(decay)) }),
    model: typeof model === 'object' && model !== null ? presentSizes({ ...model }) : model,
  };
}, settingsSchema);

/** Returns the schedule that multiplies the learning rate by `decay` after each epoch. */
export function everyEpoch(decay: number): Schedule {
  return { name: 'step', constantEpochs: 1, decay };
}

const shared = defaultsOf('recipe');

/** Returns a task's settings with those in place that are alike for all tasks. */
export function withDefaults(settings: Omit<TaskSettings, keyof typeof shared>): TaskSettings {
  return { ...shared, ...settings };
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
    const known = Object.keys(task.defaults.model).map(sizeOption);
    throw new UsageError(
      `${sizeOption(size)}: ${option('task')} ${task.name} has no such size, but ${known.join(', ')}; leave it out`,
    );
  }
  const settings = withGiven(task.defaults, given);
  if (settings.batchSize % settings.accumulate === 0) return settings;
  throw new UsageError(
    `${option('accumulate')}: ${settings.batchSize} examples cannot be divided into ${settings.accumulate} equal parts`,
  );
}

function withGiven(defaults: TaskSettings, given: GivenSettings): TaskSettings {
  const fields = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...defaults, ...fields, model: { ...defaults.model, ...given.model } };
}

/**
 * Returns the defaults with the settings that code gives in their place.
 * @throws UsageError naming a setting that is unknown or out of range
 */
export function settingsFromCode(defaults: TaskSettings, given: GivenSettings): TaskSettings {
  const { data, error } = settingsSchema.safeParse(withGiven(defaults, given));
  if (error) throw new UsageError(schemaFault(error));
  return data;
}

/**
 * Returns a checkpoint's settings; flags may change only what does not change the steps.
 * @throws UsageError naming a setting that differs from the checkpoint's
 */
export function resumedSettings(saved: TaskSettings, given: GivenSettings): TaskSettings {
  const { model, ...rest } = given;
  for (const [name, value] of [...Object.entries(model ?? {}), ...Object.entries(rest)]) {
    if (value === undefined || isChangeable(name)) continue;
    const nameOf = name in saved.model ? sizeOption : settingOption;
    const stored = name in saved.model ? saved.model[name] : saved[name as keyof TaskSettings];
    if (JSON.stringify(value) === JSON.stringify(stored)) continue;
    throw new UsageError(
      `${nameOf(name)}: the checkpoint was trained with ${JSON.stringify(stored)}; leave it out to resume`,
    );
  }
  return resumedWith(saved, rest);
}
