/**
 * Rewrites a traced graph to save passes over memory, where ONNX Runtime does not do it: additions that a Gemm can do
 * while it writes, and chains of products with scalars.
 */
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx/graph.js';
import { prune, usedBy } from '../onnx/graph.js';

/** The shapes of the graph's values by name. */
export type ShapeOf = (name: string) => readonly number[] | undefined;

export function simplify(graph: OnnxGraph, shapeOf: ShapeOf): OnnxGraph {
  const uses = countUses(graph);
  const producers = new Map<string, OnnxNode>();
  const nodes: OnnxNode[] = [];
  const extremes = new Set(graph.initializers.filter(isExtremeScalar).map(({ name }) => name));
  const onlyUse = (name: string, opType: string): OnnxNode | undefined => {
    const producer = producers.get(name);
    return uses.get(name) === 1 && producer?.opType === opType ? producer : undefined;
  };
  for (const node of graph.nodes) {
    for (const replacement of rewritten(node, onlyUse, shapeOf, (name) => extremes.has(name))) {
      nodes.push(replacement);
      for (const output of replacement.outputs) producers.set(output, replacement);
    }
  }
  return prune({ ...graph, nodes });
}

/** Whether a constant is a float32 scalar outside of [2⁻²⁰, 2²⁰]. */
function isExtremeScalar({ dtype, shape, data }: OnnxTensor): boolean {
  if (dtype !== 'float32' || shape.length !== 0) return false;
  const size = Math.abs(new DataView(data.buffer, data.byteOffset, 4).getFloat32(0, true));
  return !(size >= 2 ** -20 && size <= 2 ** 20);
}

function countUses({ nodes, outputs }: OnnxGraph): Map<string, number> {
  const uses = new Map<string, number>();
  const use = (name: string) => uses.set(name, (uses.get(name) ?? 0) + 1);
  for (const node of nodes) usedBy(node).forEach(use);
  for (const output of outputs) use(output.name);
  return uses;
}

type OnlyUse = (name: string, opType: string) => OnnxNode | undefined;

function rewritten(
  node: OnnxNode,
  onlyUse: OnlyUse,
  shapeOf: ShapeOf,
  isExtreme: (name: string) => boolean,
): OnnxNode[] {
  if (node.opType === 'Add') return [addedByGemm(node, onlyUse, shapeOf) ?? node];
  if (node.opType === 'Mul') return scalarsFirst(node, onlyUse, shapeOf, isExtreme) ?? [node];
  return [node];
}

/** Add(Gemm(a, b), c) → Gemm(a, b, c). */
function addedByGemm(node: OnnxNode, onlyUse: OnlyUse, shapeOf: ShapeOf): OnnxNode | undefined {
  for (const [product, addend] of [node.inputs, node.inputs.toReversed()] as [string, string][]) {
    const gemm = onlyUse(product, 'Gemm');
    if (gemm?.inputs.length !== 2 || !broadcastsTo(shapeOf(addend), shapeOf(product))) continue;
    return { ...gemm, inputs: [...gemm.inputs, addend], outputs: node.outputs };
  }
  return undefined;
}

/**
 * Whether a Gemm of this shape can add the addend: its dimensions, aligned at the end, are equal or 1. Scalars are
 * excluded, although Gemm may take them: with one, Gemm in ONNX Runtime 1.30's WebGPU provider ends the process.
 */
function broadcastsTo(addend: readonly number[] | undefined, shape: readonly number[] | undefined): boolean {
  if (!addend || shape?.length !== 2 || addend.length < 1 || addend.length > 2) return false;
  return addend.every((size, k) => size === 1 || size === shape[shape.length - addend.length + k]);
}

/**
 * Mul(Mul(x, s), r) with scalars s and r → Mul(x, Mul(s, r)). Constants far from 1 stay in their order, because a
 * product of two of them may underflow or overflow where x·s·r does not.
 */
function scalarsFirst(
  node: OnnxNode,
  onlyUse: OnlyUse,
  shapeOf: ShapeOf,
  isExtreme: (name: string) => boolean,
): OnnxNode[] | undefined {
  const isScalar = (name: string) => shapeOf(name)?.length === 0;
  const [inner, outerScalar] = isScalar(node.inputs[1]!) ? node.inputs : node.inputs.toReversed();
  const product = onlyUse(inner!, 'Mul');
  if (!product || !isScalar(outerScalar!)) return undefined;
  const [x, innerScalar] = isScalar(product.inputs[1]!) ? product.inputs : product.inputs.toReversed();
  if (!isScalar(innerScalar!) || isScalar(x!) || isExtreme(innerScalar!) || isExtreme(outerScalar!)) return undefined;
  const scalar = `${node.outputs[0]}.scalar`;
  return [
    { opType: 'Mul', inputs: [innerScalar!, outerScalar!], outputs: [scalar] },
    { ...node, inputs: [x!, scalar] },
  ];
}
