/** Tensors that came with a file of another framework, by their names there, and how errors speak of them. */

import { requireFinite } from '../checkpoint/finite.js';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { UnrollError } from '../errors.js';

export type NamedTensors = ReadonlyMap<string, NamedArray>;

/** A shape as errors print it: `[256, 512]`. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Whether two tensors' values are the same: tied weights, which many files hold twice. */
export function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, k) => value === b[k]);
}

/** Where a tensor comes from and what it is for. */
export interface TensorPlace {
  readonly file: string;
  /** Its name in the file. */
  readonly name: string;
  /** `the embedding`, `recurrent layer 2`. */
  readonly layer: string;
}

/**
 * The tensor's values.
 * @throws UnrollError naming the tensor and the layer, if it is missing, has another shape, or holds NaN or infinite values
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
