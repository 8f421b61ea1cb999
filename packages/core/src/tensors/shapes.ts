/** Shapes of tensors by name, as models describe their parameters and states. Needs no TensorFlow.js. */

export type Shapes = Readonly<Record<string, readonly number[]>>;

/** The number of elements of a tensor of this shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
