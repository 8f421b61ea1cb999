/**
 * Checks the `backward_layer` of Keras's `Bidirectional`. Keras 3 always writes one. TensorFlow.js ignores it and runs
 * a copy of the forward layer backwards, which is the same model only if the backward layer mirrors the forward one.
 */
import { isRecord } from '../checks/is-record.js';

/** Options that may differ between copies of a layer without changing what the layer computes. */
const incidental = new Set(['name', 'seed', 'build_config', 'registered_name', 'shared_object_id', 'module']);

/**
 * Checks that the backward layer mirrors the forward one.
 * @param config the configuration of a `Bidirectional`
 * @throws Error naming the first option in which its layers differ
 */
export function checkBackwardLayer(config: unknown): void {
  if (!isRecord(config) || !isRecord(config.layer) || !isRecord(config.backward_layer)) return;
  const { layer: forward, backward_layer: backward } = config;
  const mirrored = isRecord(forward.config)
    ? { ...forward, config: { ...forward.config, go_backwards: forward.config.go_backwards !== true } }
    : forward;
  const option = firstDifference(mirrored, backward, 'backward_layer');
  if (option === undefined) return;
  throw new Error(
    `Bidirectional '${String(config.name)}': ${option} is not the forward layer's, and only a mirrored copy of that is supported; ` +
      'save the model without a backward_layer',
  );
}

/** The path of the first value that differs; undefined if none does. */
function firstDifference(one: unknown, other: unknown, path: string): string | undefined {
  if (!isRecord(one) || !isRecord(other)) return JSON.stringify(one) === JSON.stringify(other) ? undefined : path;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  for (const key of [...keys].filter((each) => !incidental.has(each))) {
    const difference = firstDifference(one[key], other[key], key === 'config' ? path : `${path}.${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}
