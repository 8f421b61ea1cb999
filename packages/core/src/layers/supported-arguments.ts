/** Refuses what a layer of Keras takes and ours does not (yet): an argument is never ignored. */

/**
 * @param supported for each argument of Keras that a layer knows in part, the values that it takes; leaving the argument
 *   out, or null, is always one of them
 * @throws Error naming the layer, the argument and the values that are supported
 */
export function assertSupported(
  layer: string,
  args: object,
  supported: Readonly<Record<string, readonly unknown[]>>,
): void {
  for (const [argument, values] of Object.entries(supported)) {
    const value: unknown = (args as Record<string, unknown>)[argument];
    if (value === undefined || value === null || values.includes(value)) continue;
    const remedy =
      values.length > 0 ? `use ${values.map((each) => JSON.stringify(each)).join(' or ')}` : 'leave it out';
    throw new Error(`${layer}: the argument ${argument}=${JSON.stringify(value)} is not supported; ${remedy}`);
  }
}
