/** Refuses arguments that a Keras layer takes and ours does not support, so that none is ignored. */

/**
 * Checks the arguments of a layer.
 * @param supported for each argument that a layer supports in part, the accepted values; undefined and null are always
 * accepted
 * @throws Error naming the layer, the argument and the supported values
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
