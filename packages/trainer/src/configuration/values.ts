/** Kinds of values that a hyperparameter can have: how a flag's argument is written, and the schema of what is stored. */
import type { z } from 'zod';
import {
  nonNegativeInteger,
  numberBetween,
  positiveInteger,
  positiveNumber,
  stepsOrTime,
  timePattern,
} from '../terminal/number-arguments.js';

/** The functions of zod. Schemas take them as an argument: only what checks settings loads zod. */
export type Zod = typeof z;

/** A kind of value. `Given` is the type of a flag's value, from which the stored one may differ. */
export interface Value<Schema extends z.ZodType = z.ZodType, Given = z.output<Schema>> {
  /** The placeholder of the flag's argument, such as `<n>`; absent for a boolean, which its flag makes true. */
  readonly argument?: string;
  /** The arguments that there are, if they can be listed. */
  readonly choices?: readonly string[];
  /** Parses an argument; absent if the argument itself is the value. */
  readonly parse?: (text: string) => Given;
  readonly schema: (zod: Zod) => Schema;
}

export const count: Value<z.ZodInt> = {
  argument: '<n>',
  parse: positiveInteger,
  schema: (zod) => zod.int().positive(),
};

export const wholeNumber: Value<z.ZodInt> = {
  argument: '<n>',
  parse: nonNegativeInteger,
  schema: (zod) => zod.int().nonnegative(),
};

export const positive: Value<z.ZodNumber> = {
  argument: '<x>',
  parse: positiveNumber,
  schema: (zod) => zod.number().positive(),
};

export const probability: Value<z.ZodNumber> = {
  argument: '<p>',
  parse: numberBetween(0, 1),
  schema: (zod) => zod.number().min(0).lt(1),
};

/** A number of steps, or a time such as `10m`. */
export const interval: Value<z.ZodUnion<[z.ZodInt, z.ZodString]>, number | string> = {
  argument: '<steps or time>',
  parse: stepsOrTime,
  schema: (zod) =>
    zod.union([zod.int().positive(), zod.string().regex(timePattern)], {
      error: 'must be a number of steps, or a time such as 30s, 10m or 2h',
    }),
};

export const text: Value<z.ZodString> = { argument: '<text>', schema: (zod) => zod.string() };

export const toggle: Value<z.ZodBoolean> = { schema: (zod) => zod.boolean() };

type Enumeration<Name extends string> = z.ZodEnum<{ [Each in Name]: Each }>;

export function oneOf<const Name extends string>(
  argument: string,
  choices: readonly Name[],
): Value<Enumeration<Name>, Name> {
  return { argument, choices, schema: (zod) => zod.enum(choices) };
}

/** The same kind of value, or none. */
export function optional<Schema extends z.ZodType, Given>(
  value: Value<Schema, Given>,
): Value<z.ZodOptional<Schema>, Given> {
  return { ...value, schema: (zod) => zod.optional(value.schema(zod)) };
}

/** The value of a training where nothing else is said. */
export interface Defaulted<Default> {
  readonly default: Default;
}

export function byDefault<Schema extends z.ZodType, Given>(
  value: Value<Schema, Given>,
  initial: z.output<Schema>,
): Value<Schema, Given> & Defaulted<z.output<Schema>> {
  return { ...value, default: initial };
}

/** The same as {@link byDefault}. A checkpoint without the value is of a version before it, and has the default. */
export function sinceLater<Schema extends z.ZodType, Given>(
  value: Value<Schema, Given>,
  initial: z.util.NoUndefined<z.output<Schema>>,
): Value<z.ZodDefault<Schema>, Given> & Defaulted<z.output<Schema>> {
  return { ...value, default: initial, schema: (zod) => zod._default(value.schema(zod), initial) };
}
