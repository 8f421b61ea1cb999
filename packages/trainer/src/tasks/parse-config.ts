/** Checks a model configuration that was read from a file. */
import type { z } from 'zod';
import { schemaFault } from '../errors.js';

/**
 * Parses a configuration.
 * @throws Error naming the field that is wrong
 */
export function parseConfig<Config>(schema: z.ZodType<Config>, config: unknown): Config {
  const result = schema.safeParse(config);
  if (result.success) return result.data;
  throw new Error(schemaFault(result.error));
}
