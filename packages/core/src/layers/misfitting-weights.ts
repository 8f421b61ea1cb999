/** Which saved tensor belongs to which weight of a model, and whether it fits: TensorFlow.js says two shapes, but not whose. */
import type { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';

/** A line that names the first tensor of another shape than its layer's; undefined if all fit. */
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
 * The tensors' specifications under the names of the model's weights: Keras 3 puts the model's name before them, and TensorFlow 2 the
 * cell of a recurrent layer into them, `model/layer/cell/kernel`. Others keep theirs.
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
