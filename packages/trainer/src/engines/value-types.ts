/** Infers the element types of a traced graph's values; the graph itself gives only those of inputs, outputs and constants. */
import type { OnnxGraph } from '@unroll/core';
import { elementTypes, type OnnxDataType, type OnnxNode } from '@unroll/core/onnx';

const ofNumber = new Map(Object.entries(elementTypes).map(([dtype, number]) => [number, dtype as OnnxDataType]));

const comparisons = new Set([
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'And',
  'Or',
  'Xor',
  'Not',
  'IsNaN',
]);
const positions = new Set(['ArgMax', 'ArgMin']);

/** Returns the type of every value, by name. */
export function valueTypes(graph: OnnxGraph): ReadonlyMap<string, OnnxDataType> {
  const types = new Map([...graph.inputs, ...graph.initializers].map(({ name, dtype }) => [name, dtype]));
  for (const node of graph.nodes) {
    const type = resultType(node, types);
    for (const name of node.outputs) types.set(name, type);
  }
  return types;
}

function resultType({ opType, inputs, attributes }: OnnxNode, types: ReadonlyMap<string, OnnxDataType>): OnnxDataType {
  const of = (input: number) => types.get(inputs[input]!)!;
  if (opType === 'Cast') return ofNumber.get((attributes!.to as { i: number }).i)!;
  if (opType === 'Where') return of(1);
  if (opType === 'ConstantOfShape') return 'float32';
  if (comparisons.has(opType)) return 'bool';
  return positions.has(opType) ? 'int64' : of(0);
}
