/** Estimates the memory of a traced program's run, from the shapes of its values and when they are last read. */
import type { OnnxGraph, trace } from '@unroll/core';
import { elementCount } from '@unroll/core/onnx';

/** The shapes and element types of a graph's values, by name. */
export type ValueShapes = ReturnType<typeof trace>['values'];

/** Operators whose output is their first input under another shape. */
const views = new Set(['Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

/**
 * Returns the bytes that the values of one run take at the moment when they take most, without the graph's inputs. It
 * is an estimate: a runtime may order the nodes otherwise, or write a result over an argument.
 */
export function peakBytes({
  nodes,
  outputs,
  values,
}: Pick<OnnxGraph, 'nodes' | 'outputs'> & { readonly values: ValueShapes }): number {
  const owners = new Map<string, string>();
  const ownerOf = (name: string) => owners.get(name) ?? name;
  const lastUses = new Map<string, number>();
  for (const [k, { opType, inputs, outputs: results }] of nodes.entries()) {
    for (const name of inputs) lastUses.set(ownerOf(name), k);
    if (views.has(opType)) owners.set(results[0]!, ownerOf(inputs[0]!));
    for (const name of results) lastUses.set(ownerOf(name), k);
  }
  for (const { name } of outputs) lastUses.set(ownerOf(name), nodes.length);
  const ends = new Map<number, string[]>();
  for (const [name, last] of lastUses) ends.set(last, [...(ends.get(last) ?? []), name]);
  const sizes = new Map<string, number>();
  let live = 0;
  let peak = 0;
  for (const [k, node] of nodes.entries()) {
    for (const name of node.outputs) {
      if (owners.has(name)) continue;
      const bytes = bytesPerElement * elementCount((values.get(name)?.shape ?? [0]) as number[]);
      sizes.set(name, bytes);
      live += bytes;
    }
    peak = Math.max(peak, live);
    for (const name of ends.get(k) ?? []) live -= sizes.get(name) ?? 0;
  }
  return peak;
}

/** Nearly all values are float32 or int32. */
const bytesPerElement = 4;
