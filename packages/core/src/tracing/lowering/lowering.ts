/** How a TensorFlow.js kernel becomes ONNX nodes: given its inputs and attributes, emit nodes and return the outputs. */
import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';

export type Lowering = (call: KernelCall) => TensorInfo | TensorInfo[];

export interface KernelCall {
  readonly inputs: Record<string, TensorInfo>;
  // TensorFlow.js types each kernel's attributes on its own; the registry erases them.
  readonly attrs: NamedAttrMap & Record<string, unknown>;
  readonly graph: GraphRecorder;
}

/** Lowerings by TensorFlow.js kernel name. */
export type LoweringTable = Readonly<Record<string, Lowering>>;
