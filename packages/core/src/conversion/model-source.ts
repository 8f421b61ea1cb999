/** What is converted: the inputs of a model, and the function that computes its outputs from them. */
import type { NamedTensors } from '../tensors/named-tensors.js';
import type { TraceBackend } from '../tracing/backend.js';
import type { TensorSpec } from '../tracing/trace.js';

export interface ModelInput {
  readonly name: string;
  readonly dtype: TensorSpec['dtype'];
  /** null or −1 for a size that the model does not fix; undefined if not even the rank is known. */
  readonly shape: readonly (number | null)[] | undefined;
}

export interface ModelSource {
  readonly inputs: readonly ModelInput[];
  /** Sizes that the model has, such as those of its weights. */
  readonly sizes: ReadonlySet<number>;
  /** Computes the outputs by name on a backend that is tracing. */
  readonly run: (inputs: NamedTensors, backend: TraceBackend) => NamedTensors;
  readonly dispose: () => void;
}

export function inputType(name: string, dtype: string | undefined): TensorSpec['dtype'] {
  if (dtype === 'int32' || dtype === 'bool') return dtype;
  if (dtype === undefined || dtype === 'float32') return 'float32';
  throw new Error(
    `input '${name}' is of dtype ${dtype}, which ONNX graphs of Unroll do not have; use float32, int32 or bool`,
  );
}
