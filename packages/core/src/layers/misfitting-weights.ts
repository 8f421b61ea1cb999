/** Which saved tensor does not fit its layer: TensorFlow.js says two shapes, but not whose. */
import type { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';

/** A line that names the first tensor of another shape than its layer's; undefined if all fit. */
export function misfittingWeights(
  model: LayersModel,
  specs: readonly io.WeightsManifestEntry[] = [],
): string | undefined {
  const expected = new Map(
    model.layers.flatMap(({ name, weights }) =>
      weights.map(({ originalName, shape }) => [originalName, { layer: name, shape: JSON.stringify(shape) }] as const),
    ),
  );
  for (const { name, shape } of specs) {
    const target = expected.get(name) ?? expected.get(withoutCell(name));
    const found = JSON.stringify(shape);
    if (!target || target.shape === found) continue;
    return `tensor '${name}' is ${found}, layer '${target.layer}' needs ${target.shape}; save weights and model.json together`;
  }
  return undefined;
}

/** TensorFlow 2 names a recurrent layer's tensors by its cell, too: layer/cell/kernel. */
function withoutCell(name: string): string {
  const parts = name.split('/');
  return [...parts.slice(0, -2), ...parts.slice(-1)].join('/');
}
