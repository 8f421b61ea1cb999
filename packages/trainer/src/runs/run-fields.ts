/** The fields of runs by which they are compared, filtered and sorted: results, and everything that configured them. */
import { presentSizes } from '../configuration/former-names.js';
import { flagOf } from '../configuration/hyperparameters.js';
import { UsageError } from '../errors.js';
import type { RunSummary } from './run-summary.js';

export type FieldValue = string | number | undefined;
/** The values of a run by the names of its fields. */
export type RunFields = Readonly<Record<string, FieldValue>>;

/** The fields that say how far and how well a run has come, in the order of the table. */
export const resultFields = [
  'run',
  'state',
  'step',
  'steps',
  'epoch',
  'metric',
  'best',
  'best-step',
  'latest',
  'loss',
  'seconds',
  'rate',
];

/** Returns the fields of a run. Settings have the names of their flags. */
export function fieldsOf(run: RunSummary): RunFields {
  const { folder, configuration, state, step, totalSteps, epoch, best, latest, loss, seconds, rate } = run;
  const { data, task, metric, settings, parameters, sessions } = configuration;
  const { engine, workers, versions, machine } = sessions.at(-1)!;
  return {
    ...{ run: folder, state, step, steps: totalSteps, epoch, metric },
    ...{ best: best?.value ?? undefined, 'best-step': best?.step, latest: latest?.value ?? undefined },
    ...{ loss, seconds, rate },
    ...{ data, task, parameters },
    ...settingFields(settings),
    ...{ engine, workers, unroll: versions.unroll, node: versions.node, onnxruntime: versions.onnxruntime },
    ...{ commit: versions.commit, host: machine.host, processor: machine.processor, cores: machine.cores },
  };
}

/** Returns a training's settings under the names of their flags. */
export function settingFields(settings: Readonly<Record<string, unknown>>): RunFields {
  const fields = Object.entries(settings).flatMap(([name, value]): [string, FieldValue][] => {
    if (name !== 'model') return [[nameOf(name), textOf(value)]];
    return Object.entries(presentSizes(value as Record<string, unknown>)).map(([size, each]) => [
      nameOf(`model.${size}`),
      textOf(each),
    ]);
  });
  return Object.fromEntries(fields);
}

function nameOf(path: string): string {
  const flag = flagOf(path);
  return flag.replace(/^--/, '').replace(/^model\./, '');
}

/** Returns a setting as a table shows it: `step constantEpochs=2 decay=0.5`. */
function textOf(value: unknown): FieldValue {
  if (typeof value === 'number' || value === undefined) return value;
  if (typeof value !== 'object' || value === null) return String(value);
  const { name = '', ...details } = value as Readonly<Record<string, unknown>>;
  return [name, ...Object.entries(details).map(([key, each]) => `${key}=${JSON.stringify(each)}`)].join(' ');
}

/** Returns the names of configuration fields whose values are not alike in all runs. */
export function differingFields(runs: readonly RunFields[]): string[] {
  return configurationFields(runs).filter((name) => new Set(runs.map((fields) => fields[name])).size > 1);
}

/** Returns the names of all configuration fields that some run has. */
export function configurationFields(runs: readonly RunFields[]): string[] {
  const names = new Set(runs.flatMap((fields) => Object.keys(fields).filter((name) => fields[name] !== undefined)));
  return [...names].filter((name) => !resultFields.includes(name));
}

const comparisons: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** A condition on a field, such as `learning-rate<0.01`. */
export interface Condition {
  readonly field: string;
  readonly isMet: (value: FieldValue) => boolean;
}

/** @throws UsageError if the text is no condition */
export function parseCondition(text: string): Condition {
  const [, field, sign, expected] = /^([\w-]+)(<=|>=|!=|=|<|>)(.*)$/s.exec(text) ?? [];
  if (field === undefined || sign === undefined || expected === undefined) {
    throw new UsageError(
      `--filter: '${text}' is no condition; write a field, one of = != < <= > >= and a value, as in learning-rate<0.01`,
    );
  }
  const compare = comparisons[sign]!;
  const isMet = (value: FieldValue) => {
    if (value === undefined) return sign === '!=';
    return compare(orderOf(value, typeof value === 'number' && expected.trim() !== '' ? Number(expected) : expected));
  };
  return { field, isMet };
}

/** @throws UsageError if no run has the field */
export function requireField(flag: string, name: string, runs: readonly RunFields[]): void {
  const known = [...resultFields, ...configurationFields(runs)];
  if (known.includes(name)) return;
  throw new UsageError(`${flag}: no run has the field '${name}'; there are ${known.join(', ')}`);
}

/** Orders values; missing ones come last. */
export function orderOf(a: FieldValue, b: FieldValue): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}
