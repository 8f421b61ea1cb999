/** Refuses parameters that are not finite, with which a model computes nothing useful. */
import { UnrollError } from '../errors.js';

/**
 * Checks that all parameters are finite.
 * @throws UnrollError naming the checkpoint and its first parameter that has a NaN or an infinite value
 */
export function requireFiniteParameters(parameters: Readonly<Record<string, Float32Array>>, checkpoint: string): void {
  for (const [name, values] of Object.entries(parameters)) requireFinite(values, `${checkpoint}: parameter '${name}'`);
}

/**
 * Checks that all values are finite.
 * @param what names the file and the tensor, at the beginning of the error
 * @throws UnrollError if a value is NaN or infinite
 */
export function requireFinite(values: Float32Array, what: string): void {
  if (values.every(Number.isFinite)) return;
  const count = values.filter((value) => !Number.isFinite(value)).length;
  throw new UnrollError(
    `${what} has ${count} NaN or infinite values among ${values.length}; take weights of the training from before it diverged`,
  );
}
