/**
 * Copies a model's description, or a part of it, with zeros in place of all initial values, for models whose weights are
 * set afterwards. Drawing values takes long, and the orthogonal ones need methods of tensors that only the package
 * `@tensorflow/tfjs` adds.
 */
export function withZeroInitializers(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withZeroInitializers);
  if (typeof part !== 'object' || part === null) return part;
  const zeros = { class_name: 'Zeros', config: {} };
  return Object.fromEntries(
    Object.entries(part).map(([key, value]) => [
      key,
      key.endsWith('_initializer') && value ? zeros : withZeroInitializers(value),
    ]),
  );
}
