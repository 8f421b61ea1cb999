/**
 * A program: a function over named tensors with the specification of its inputs, so that an engine may run it eagerly on a
 * TensorFlow.js backend or trace it into one ONNX graph. An output `next.x` replaces the input `x` in the next run.
 */
import type { TensorSpec } from '../tracing/trace.js';
import type { Shapes } from './language-model-config.js';
import type { NamedTensors } from './language-model-forward.js';

export interface Program {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly run: (inputs: NamedTensors) => NamedTensors;
  /** `mixed` for a program that an engine must run in float16 where that is safe; float32 unless given. */
  readonly precision?: Precision;
}

export type Precision = 'float32' | 'mixed';

/** How many sequences of how many tokens one run takes. */
export interface BatchShape {
  readonly batch: number;
  readonly time: number;
  /** Of each tail of an adaptive softmax: how many targets one run may have in it; all if left out. */
  readonly tailCapacities?: readonly number[] | undefined;
  /** Activations are kept of so many steps at once, and computed again in the backward pass; of all steps if left out. */
  readonly recomputeEvery?: number | undefined;
}

/** float32 inputs of these shapes. */
export function float32Inputs(shapes: Shapes): Record<string, TensorSpec> {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }]));
}

/** Values as outputs that replace the inputs of their names. */
export function next(state: NamedTensors): NamedTensors {
  return Object.fromEntries(Object.entries(state).map(([name, tensor]) => [`next.${name}`, tensor]));
}
