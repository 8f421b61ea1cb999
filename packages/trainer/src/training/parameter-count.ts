import { elementCount, type Shapes } from '@unroll/core';

/** Counts the numbers in parameters of these shapes. */
export function parameterCount(shapes: Shapes): number {
  return Object.values(shapes).reduce((sum, shape) => sum + elementCount(shape), 0);
}
