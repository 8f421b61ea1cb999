/**
 * Turns a call of a TensorFlow.js kernel into ONNX nodes: given its inputs and attributes, emits nodes and returns the
 * outputs.
 */
import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';

export type Lowering = (call: KernelCall) => TensorInfo | TensorInfo[];

export interface KernelCall {
  readonly inputs: Record<string, TensorInfo>;
  // TensorFlow.js types the attributes of each kernel separately; the registry erases the types.
  readonly attrs: NamedAttrMap & Record<string, unknown>;
  readonly graph: GraphRecorder;
}

/** Lowerings by TensorFlow.js kernel name. */
export type LoweringTable = Readonly<Record<string, Lowering>>;
