/** The links between a graph's nodes: who writes and who reads each value, and which values are views of others. */
import type { OnnxGraph } from '@unroll/core';
import type { OnnxNode } from '@unroll/core/onnx';

/** Operators whose output shares the memory of their first input. */
export const views: ReadonlySet<string> = new Set(['Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);

export class Links {
  readonly #writers = new Map<string, OnnxNode>();
  readonly #readers = new Map<string, OnnxNode[]>();

  constructor({ nodes }: OnnxGraph) {
    for (const node of nodes) {
      for (const name of node.outputs) this.#writers.set(name, node);
      for (const name of node.inputs) this.#readers.set(name, [...(this.#readers.get(name) ?? []), node]);
    }
  }

  /** Returns the node that computes a value; undefined for an input or a constant. */
  writer(name: string): OnnxNode | undefined {
    return this.#writers.get(name);
  }

  readers(name: string): readonly OnnxNode[] {
    return this.#readers.get(name) ?? [];
  }

  /** Returns the node that computes a value, looking through any Identity. */
  writerOf(name: string): OnnxNode | undefined {
    const writer = this.#writers.get(name);
    return writer?.opType === 'Identity' ? this.writerOf(writer.inputs[0]!) : writer;
  }

  /** Returns the value behind views and casts of it, such as the same value in another integer type. */
  source(name: string): string {
    const writer = this.#writers.get(name);
    return writer && (views.has(writer.opType) || writer.opType === 'Cast') ? this.source(writer.inputs[0]!) : name;
  }

  /** Returns all nodes that these values depend on. */
  ancestors(names: readonly string[]): ReadonlySet<OnnxNode> {
    const found = new Set<OnnxNode>();
    const open = [...names];
    while (open.length > 0) {
      const node = this.#writers.get(open.pop()!);
      if (!node || found.has(node)) continue;
      found.add(node);
      open.push(...node.inputs);
    }
    return found;
  }

  /** Whether every other node that reads the value, or a view of it, must run before `last` does. */
  isReadOnlyBefore(name: string, last: OnnxNode): boolean {
    const before = this.ancestors(last.inputs);
    const readInTime = (value: string): boolean =>
      (this.#readers.get(value) ?? []).every(
        (node) => node === last || (before.has(node) && (!views.has(node.opType) || node.outputs.every(readInTime))),
      );
    return readInTime(name);
  }
}
