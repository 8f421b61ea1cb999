import type { Shapes } from '@unroll/core';
import { elementCount } from '@unroll/core/onnx';

/** Counts the numbers in parameters of these shapes. */
export function parameterCount(shapes: Shapes): number {
  return Object.values(shapes).reduce((sum, shape) => sum + elementCount(shape), 0);
}
