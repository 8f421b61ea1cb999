/**
 * Mixed precision as a rewrite of a traced graph, after Micikevicius et al. (2018), "Mixed precision training". Matrix
 * products read and write float16, and so do nodes that only move their results or combine them elementwise. Everything
 * else (reductions, softmax, losses, optimizer) stays float32. All inputs and outputs stay float32, too: the parameters
 * are master copies.
 */
import type { OnnxGraph } from '@unroll/core';
import { type OnnxNode, prune } from '@unroll/core/onnx';

const matrixProducts = new Set(['Gemm', 'MatMul']);

/** Operators that follow the precision of their data, and how many of their first inputs are data. */
const followers = new Map([
  ...['Add', 'Sub', 'Mul'].map((opType) => [opType, 2] as const),
  ...['Neg', 'Sigmoid', 'Tanh', 'Relu', 'Reshape', 'Transpose', 'Split', 'Slice'].map((opType) => [opType, 1] as const),
  ['Concat', Number.POSITIVE_INFINITY] as const,
]);

const elementTypeCodes = { float32: 1, float16: 10 } as const;
type Precision = keyof typeof elementTypeCodes;

/** Rewrites a graph to mixed precision; inputs, outputs and their types stay the same. */
export function inMixedPrecision(graph: OnnxGraph): OnnxGraph {
  const rewriter = new Rewriter(graph);
  for (const node of graph.nodes) rewriter.add(node);
  return prune({ ...graph, nodes: rewriter.nodes });
}

class Rewriter {
  readonly nodes: OnnxNode[] = [];
  /** Values that are computed in float16. */
  readonly #half = new Set<string>();
  /**
   * Values that may be read in either precision: constants, inputs, and elementwise results of these. Scalars such as
   * the learning rate are excluded; they keep the optimizer in float32.
   */
  readonly #either: Set<string>;
  readonly #outputs: ReadonlySet<string>;
  readonly #casts = new Set<string>();

  constructor({ inputs, initializers, outputs }: OnnxGraph) {
    const tensors = inputs.filter(({ shape }) => shape.length > 0);
    this.#either = new Set(
      [...tensors, ...initializers].filter(({ dtype }) => dtype === 'float32').map(({ name }) => name),
    );
    this.#outputs = new Set(outputs.map(({ name }) => name));
  }

  add(node: OnnxNode): void {
    const data = this.#halfInputs(node);
    const precision = data > 0 ? 'float16' : 'float32';
    const inputs = node.inputs.map((name, k) => {
      if (name === '') return name;
      return this.#as(name, k < data ? precision : 'float32');
    });
    this.nodes.push({ ...node, inputs });
    if (data > 0) addAll(this.#half, node.outputs);
    else if (this.#data(node).some((name) => this.#either.has(name))) addAll(this.#either, node.outputs);
  }

  /** Returns how many of the node's first inputs it reads in float16: none, or all that are data. */
  #halfInputs(node: OnnxNode): number {
    const { opType, domain, inputs, outputs } = node;
    if (domain || outputs.some((name) => this.#outputs.has(name))) return 0;
    if (matrixProducts.has(opType)) return inputs.length;
    const data = this.#data(node);
    const fits = data.every((name) => this.#half.has(name) || this.#either.has(name));
    return fits && data.some((name) => this.#half.has(name)) ? data.length : 0;
  }

  /** Returns a follower's data inputs. */
  #data({ opType, inputs }: OnnxNode): readonly string[] {
    return inputs.slice(0, followers.get(opType) ?? 0);
  }

  /** Returns the value's name in this precision; adds a cast if needed. */
  #as(name: string, precision: Precision): string {
    if (this.#half.has(name) === (precision === 'float16')) return name;
    const cast = `${name}.${precision}`;
    if (!this.#casts.has(cast)) {
      this.#casts.add(cast);
      const attributes = { to: { i: elementTypeCodes[precision] } };
      this.nodes.push({ opType: 'Cast', inputs: [name], outputs: [cast], attributes });
    }
    return cast;
  }
}

function addAll(names: Set<string>, more: readonly string[]): void {
  for (const name of more) names.add(name);
}
