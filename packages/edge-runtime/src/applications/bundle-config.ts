/** Checks the configuration in an application's bundle, `config.json.z`, once, where it is read. */
import { BundleError } from '../errors.js';

/** The kinds of values that a configuration holds. */
interface Kinds {
  /** A positive integer. */
  readonly count: number;
  /** A finite number. */
  readonly number: number;
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
  checkFields(config, schema, file, '');
  return config as ConfigOf<Schema>;
}

/** Returns the error of a configuration that does not fit. */
export function invalidConfig(file: string, what: string): BundleError {
  return new BundleError('manifest-invalid', `${file}: ${what}; export the bundle again`);
}

function checkFields(value: unknown, schema: ConfigSchema, file: string, path: string): void {
  if (!isObject(value)) throw invalidConfig(file, path === '' ? 'is not an object' : `'${path}' is not an object`);
  for (const [name, kind] of Object.entries(schema)) {
    const [field, given] = [path === '' ? name : `${path}.${name}`, (value as Record<string, unknown>)[name]];
    if (typeof kind === 'object') {
      checkFields(given, kind, file, field);
      continue;
    }
    const [what, is] = descriptions[kind];
    if (!is(given)) throw invalidConfig(file, `'${field}' is not ${what}`);
  }
}
