/**
 * Matches saved tensors with a model's weights and checks their shapes. TensorFlow.js's own error gives two shapes
 * without a name.
 */
import type { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';

/** Describes the first tensor whose shape differs from its layer's weight; undefined if all fit. */
export function misfittingWeights(model: LayersModel, specs: readonly io.WeightsManifestEntry[]): string | undefined {
  const expected = weightsOf(model);
  for (const { name, shape } of specs) {
    const target = expected.get(name);
    const found = JSON.stringify(shape);
    if (!target || target.shape === found) continue;
    return `tensor '${name}' is ${found}, layer '${target.layer}' needs ${target.shape}; save weights and model.json together`;
  }
  return undefined;
}

/**
 * Renames the tensors' specifications to the names of the model's weights; unmatched ones keep their names. Keras 3
 * puts the model's name in front. TensorFlow 2 inserts the cell of a recurrent layer: `model/layer/cell/kernel`.
 */
export function withLayersNames(
  model: LayersModel,
  specs: readonly io.WeightsManifestEntry[],
): io.WeightsManifestEntry[] {
  const expected = weightsOf(model);
  return specs.map((spec) => {
    const parts = spec.name.split('/');
    const ends = parts
      .map((_, first) => parts.slice(first))
      .flatMap((end) => [end, [...end.slice(0, -2), ...end.slice(-1)]]);
    const name = ends.map((end) => end.join('/')).find((end) => expected.has(end));
    return { ...spec, name: name ?? spec.name };
  });
}

interface ExpectedWeight {
  readonly layer: string;
  readonly shape: string;
}

function weightsOf(model: LayersModel): Map<string, ExpectedWeight> {
  return new Map(
    model.layers.flatMap(({ name, weights }) =>
      weights.map(({ originalName, shape }) => [originalName, { layer: name, shape: JSON.stringify(shape) }] as const),
    ),
  );
}
