/** Tensors from a file of another framework, by their names in it, and errors about them. */

import { requireFinite } from '../checkpoint/finite.js';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { UnrollError } from '../errors.js';

export type NamedArrays = ReadonlyMap<string, NamedArray>;

/** Formats a shape for errors: `[256, 512]`. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Whether two tensors have the same values, as tied weights do, which many files contain twice. */
export function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, k) => value === b[k]);
}

/** The origin and purpose of a tensor. */
export interface TensorPlace {
  readonly file: string;
  /** The tensor's name in the file. */
  readonly name: string;
  /** The layer, such as `the embedding` or `recurrent layer 2`. */
  readonly layer: string;
}

/**
 * Returns the tensor's values.
 * @throws UnrollError naming the tensor and the layer, if it is missing, has another shape, or contains NaN or infinite
 *   values
 */
export function requireShape(
  { file, name, layer }: TensorPlace,
  tensor: NamedArray | undefined,
  shape: readonly number[],
): Float32Array {
  const found = tensor ? `is ${shapeText(tensor.shape)}` : 'is missing';
  if (tensor?.shape.join() === shape.join()) {
    requireFinite(tensor.values, `${file}: tensor '${name}' of ${layer}`);
    return tensor.values;
  }
  throw new UnrollError(
    `${file}: tensor '${name}' of ${layer} ${found}, expected ${shapeText(shape)}; the layers must share one width and the output have a row for each word of the embedding`,
  );
}
