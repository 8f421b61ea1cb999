/** Checks the fields of JSON from outside once, where it is read: manifests, configurations, a gateway's answer. */
import { BundleError } from '../errors.js';

/** The kinds of values that a configuration holds. */
interface Kinds {
  /** A positive integer. */
  readonly count: number;
  /** A finite number. */
  readonly number: number;
  /** A finite number, 0 or more. */
  readonly amount: number;
  /** A SHA-256: 64 lower-case hexadecimal digits. */
  readonly digest: string;
  readonly text: string;
  readonly texts: readonly string[];
  /** A list of finite numbers. */
  readonly numbers: readonly number[];
  /** An object whose reader checks it further. */
  readonly object: object;
}

/** The fields of a configuration; others are not read. */
export type ConfigSchema = { readonly [name: string]: keyof Kinds | ConfigSchema };

/** The configuration of a schema. */
export type ConfigOf<Schema extends ConfigSchema> = {
  readonly [Name in keyof Schema]: Schema[Name] extends keyof Kinds
    ? Kinds[Schema[Name]]
    : Schema[Name] extends ConfigSchema
      ? ConfigOf<Schema[Name]>
      : never;
};

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isListOf = (value: unknown, isItem: (item: unknown) => boolean) => Array.isArray(value) && value.every(isItem);

const descriptions: Readonly<Record<keyof Kinds, readonly [what: string, is: (value: unknown) => boolean]>> = {
  count: ['a positive integer', (value) => Number.isSafeInteger(value) && Number(value) > 0],
  number: ['a number', Number.isFinite],
  amount: ['a number from 0 on', (value) => Number.isFinite(value) && Number(value) >= 0],
  digest: ['a SHA-256', (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)],
  text: ['a string', (value) => typeof value === 'string'],
  texts: ['a list of strings', (value) => isListOf(value, (item) => typeof item === 'string')],
  numbers: ['a list of numbers', (value) => isListOf(value, Number.isFinite)],
  object: ['an object', isObject],
};

/**
 * Returns `config` if it has every field of the schema.
 * @param file its name, for messages
 * @throws BundleError `manifest-invalid` naming the first field that is missing or wrong
 */
export function checkedConfig<Schema extends ConfigSchema>(
  config: unknown,
  schema: Schema,
  file: string,
): ConfigOf<Schema> {
  const fault = faultOf(config, schema);
  if (fault !== undefined) throw invalidConfig(file, fault);
  return config as ConfigOf<Schema>;
}

/** Whether the value has every field of the schema. */
export function hasFields<Schema extends ConfigSchema>(value: unknown, schema: Schema): value is ConfigOf<Schema> {
  return faultOf(value, schema) === undefined;
}

/** Returns the error of a configuration that does not fit. */
export function invalidConfig(file: string, what: string): BundleError {
  return new BundleError('manifest-invalid', `${file}: ${what}; export the bundle again`);
}

/** Returns the first fault, such as `'model.layers' is not a positive integer`; undefined if there is none. */
function faultOf(value: unknown, schema: ConfigSchema, path = ''): string | undefined {
  if (!isObject(value)) return path === '' ? 'is not an object' : `'${path}' is not an object`;
  for (const [name, kind] of Object.entries(schema)) {
    const [field, given] = [path === '' ? name : `${path}.${name}`, (value as Record<string, unknown>)[name]];
    if (typeof kind === 'object') {
      const fault = faultOf(given, kind, field);
      if (fault !== undefined) return fault;
      continue;
    }
    const [what, is] = descriptions[kind];
    if (!is(given)) return `'${field}' is not ${what}`;
  }
  return undefined;
}
