/**
 * A program: a function over named tensors with the specification of its inputs. So an engine can run it eagerly on a
 * TensorFlow.js backend or trace it into one ONNX graph. An output may be the next value of an input or the gradient of a
 * parameter: `tensors/roles.ts`.
 */

import type { NamedTensors } from '../tensors/named-tensors.js';
import type { Shapes } from '../tensors/shapes.js';
import type { TensorSpec } from '../tracing/trace.js';

export interface Program {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly run: (inputs: NamedTensors) => NamedTensors;
  /** `mixed` for a program that an engine must run in float16 where that is safe; default float32. */
  readonly precision?: Precision;
}

export type Precision = 'float32' | 'mixed';

/** Number of sequences in one run, and tokens of each. */
export interface BatchShape {
  readonly batch: number;
  readonly time: number;
  /** For each tail of an adaptive softmax, the most targets that one run may have in it; default all. */
  readonly tailCapacities?: readonly number[] | undefined;
  /**
   * Number of steps whose activations are stored at once; the backward pass recomputes those of other steps. Default
   * all steps.
   */
  readonly recomputeEvery?: number | undefined;
}

/** Specifies float32 inputs of these shapes. */
export function float32Inputs(shapes: Shapes): Record<string, TensorSpec> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }]));
}
