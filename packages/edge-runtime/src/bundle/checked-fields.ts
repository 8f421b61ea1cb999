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
  /** A list of positive integers. */
  readonly counts: readonly number[];
  /** A list of finite numbers. */
  readonly numbers: readonly number[];
  /** An object whose reader checks it further. */
  readonly object: object;
}

/**
 * A field: a kind, which may be absent if a question mark follows; one of several strings; an object; or a list of
 * objects.
 */
type Field = keyof Kinds | `${keyof Kinds}?` | ReadonlySet<string> | ConfigSchema | readonly [ConfigSchema];

/** The fields of a configuration; others are not read. */
export type ConfigSchema = { readonly [name: string]: Field };

type ValueOf<Each> = Each extends keyof Kinds
  ? Kinds[Each]
  : Each extends `${infer Kind extends keyof Kinds}?`
    ? Kinds[Kind] | undefined
    : Each extends ReadonlySet<infer Choice>
      ? Choice
      : Each extends readonly [infer Item]
        ? readonly ValueOf<Item>[]
        : Each extends ConfigSchema
          ? ConfigOf<Each>
          : never;

/** The configuration of a schema. */
export type ConfigOf<Schema extends ConfigSchema> = { readonly [Name in keyof Schema]: ValueOf<Schema[Name]> };

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isListOf = (value: unknown, isItem: (item: unknown) => boolean) => Array.isArray(value) && value.every(isItem);

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0;

const descriptions: Readonly<Record<keyof Kinds, readonly [what: string, is: (value: unknown) => boolean]>> = {
  count: ['a positive integer', isCount],
  counts: ['a list of positive integers', (value) => isListOf(value, isCount)],
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
  for (const [name, field] of Object.entries(schema)) {
    const given = (value as Record<string, unknown>)[name];
    const fault = faultOfField(given, field, path === '' ? name : `${path}.${name}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function faultOfField(given: unknown, field: Field, path: string): string | undefined {
  if (typeof field === 'string') {
    const kind = field.replace('?', '') as keyof Kinds;
    const [what, is] = descriptions[kind];
    return is(given) || (given === undefined && kind !== field) ? undefined : `'${path}' is not ${what}`;
  }
  if (field instanceof Set) return field.has(given) ? undefined : `'${path}' is not one of ${[...field].join(', ')}`;
  if (!Array.isArray(field)) return faultOf(given, field as ConfigSchema, path);
  if (!Array.isArray(given)) return `'${path}' is not a list`;
  return given.map((item, k) => faultOf(item, field[0], `${path}[${k}]`)).find((fault) => fault !== undefined);
}
