/** Finds the operator of a graph that an execution provider cannot run; ONNX Runtime refuses the session without naming it. */
import { encodeOnnx, type OnnxGraph } from '@unroll/core';
import { prune } from '@unroll/core/onnx';
import { InferenceSession } from 'onnxruntime-node';
import { valueTypes } from './value-types.js';

/** ONNX Runtime's log level `fatal`: at lower levels it writes messages to stderr by itself. */
export const silent = 4;

/**
 * Returns the first operator that the provider refuses, with its input type, such as `Slice of int32`; undefined if it
 * refuses none.
 * @param options the options with which the session of the whole graph was refused
 */
export async function refusedOperator(
  graph: OnnxGraph,
  options: InferenceSession.SessionOptions,
): Promise<string | undefined> {
  const types = valueTypes(graph);
  const tried = new Set<string>();
  for (const { opType, inputs, outputs, attributes } of graph.nodes) {
    const kind = JSON.stringify([opType, inputs.map((name) => types.get(name)), attributes]);
    if (tried.has(kind)) continue;
    tried.add(kind);
    // A wrong output shape only causes a warning.
    const output = { name: outputs[0]!, dtype: types.get(outputs[0]!)!, shape: [] };
    if (!(await isTaken(prune({ ...graph, outputs: [output] }), options)))
      return `${opType} of ${types.get(inputs[0]!)}`;
  }
  return undefined;
}

async function isTaken(graph: OnnxGraph, options: InferenceSession.SessionOptions): Promise<boolean> {
  try {
    await (await InferenceSession.create(encodeOnnx(graph), { ...options, logSeverityLevel: silent })).release();
    return true;
  } catch {
    return false;
  }
}
