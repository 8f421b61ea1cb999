/**
 * The boundary between this package and a program that calls it: options are checked once, nothing is printed, and
 * errors name options where the command's name flags.
 */
import { z } from 'zod';
import { allHyperparameters, flagNamed, pathOf } from '../configuration/hyperparameters.js';
import { schemaFault, UnrollError, UsageError } from '../errors.js';
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

/** Does work for a program. */
export async function inCode<Result>(listener: Listener, work: () => Promise<Result>): Promise<Result> {
  try {
    return await heardBy(listener, work);
  } catch (error) {
    throw inOptions(error);
  }
}

/** Yields the events of work for a program. */
export async function* eventsInCode<Event>(
  listener: Listener,
  work: () => AsyncGenerator<Event, void, undefined>,
): AsyncGenerator<Event, void, undefined> {
  try {
    yield* eventsHeardBy(listener, work());
  } catch (error) {
    throw inOptions(error);
  }
}

/** Returns an error whose line names options; errors of other kinds stay as they are. */
function inOptions(error: unknown): unknown {
  if (!(error instanceof UnrollError)) return error;
  const message = error.message.replace(/(?<![\w/-])--([a-z]+(?:-[a-z]+)*)/g, (flag) => optionOf(flag));
  if (message === error.message) return error;
  const Kind = error instanceof UsageError ? UsageError : UnrollError;
  return new Kind(message, { cause: error });
}

const fieldsOfFlags = new Map(allHyperparameters.map(([name]) => [flagNamed(name), pathOf(name)]));

/** Returns the option that a flag sets: `--hidden` is `model.hiddenDim`, `--top-k` is `topK`. */
function optionOf(flag: string): string {
  return fieldsOfFlags.get(flag) ?? flag.slice(2).replace(/-./g, (letter) => letter[1]!.toUpperCase());
}
