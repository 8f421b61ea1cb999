import { elementCount, type Shapes } from '@unroll/core';

/** How many numbers a model of parameters of these shapes has. */
export function parameterCount(shapes: Shapes): number {
  return Object.values(shapes).reduce((sum, shape) => sum + elementCount(shape), 0);
}
