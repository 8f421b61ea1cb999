/** Checks a model configuration that was read from a file. */
import type { z } from 'zod';

/**
 * Parses a configuration.
 * @throws Error naming the field that is wrong
 */
export function parseConfig<Config>(schema: z.ZodType<Config>, config: unknown): Config {
  const result = schema.safeParse(config);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new Error(`${path.join('.')}: ${message}`);
}
