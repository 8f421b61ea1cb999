/**
 * The boundary between this package and a program that calls it: options are checked once, nothing is printed, and
 * messages name options where the command's name flags.
 */
import { z } from 'zod';
import { schemaFault, UsageError } from '../errors.js';
import { eventsHeardBy, heardBy, type Listener } from '../terminal/listener.js';

/** The schemas of options that several functions take. */
export const path = z.string().refine((text) => text.trim() !== '', 'is blank; give a path');
export const listenerFields = {
  onNotice: z.custom<Listener['onNotice']>(isFunctionOrAbsent, 'must be a function').optional(),
  onProgress: z.custom<Listener['onProgress']>(isFunctionOrAbsent, 'must be a function').optional(),
};
export const signalField = z.instanceof(AbortSignal).optional();
/** The signal of work that always takes one; by default it never aborts. */
export const signalOrNever = z.instanceof(AbortSignal).default(() => new AbortController().signal);

function isFunctionOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'function';
}

/**
 * Checks options and fills in defaults.
 * @param name the function that was called, for messages
 * @throws UsageError naming the option that is missing, unknown or wrong
 */
export function parseOptions<Schema extends z.ZodType>(
  schema: Schema,
  options: unknown,
  name: string,
): z.infer<Schema> {
  const { success, data, error } = schema.safeParse(options);
  if (success) return data;
  throw new UsageError(schemaFault(error, (place) => `${name}.${place}`));
}

/** Does work for a program. Messages then name options, not flags: `configuration/option-names.ts`. */
export async function inCode<Result>(listener: Listener, work: () => Promise<Result>): Promise<Result> {
  return heardBy(listener, work);
}

/** Yields the events of work for a program. */
export function eventsInCode<Event>(
  listener: Listener,
  work: () => AsyncGenerator<Event, void, undefined>,
): AsyncGenerator<Event, void, undefined> {
  return eventsHeardBy(listener, heardBy(listener, work));
}
