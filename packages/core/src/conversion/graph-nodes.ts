/** The parts of TensorFlow.js's graph models that conversion reads. TensorFlow.js 4.22, its last version, keeps them private. */
import type * as tf from '@tensorflow/tfjs-core';

export interface GraphNode {
  readonly name: string;
  /** TensorFlow's name of the operation. */
  readonly op: string;
  readonly category: string;
  /** Names of the values that it takes: `node`, or `node:1` for its second output; `^node` only orders. */
  readonly inputNames: readonly string[];
  readonly attrParams: Readonly<Record<string, { readonly value?: unknown } | undefined>>;
  readonly signatureKey?: string;
  /** The output that is meant where only the node is named. */
  readonly defaultOutput?: number;
}

/** A graph, or the body of a function that its nodes call. */
export interface Graph {
  readonly nodes: Readonly<Record<string, GraphNode>>;
  readonly inputs: readonly GraphNode[];
  readonly outputs: readonly GraphNode[];
  readonly functions?: Readonly<Record<string, Graph>>;
}

export interface Executor {
  readonly graph: Graph;
  weightMap: Readonly<Record<string, tf.Tensor[]>>;
  execute(inputs: tf.NamedTensorMap, outputs: string[]): (tf.Tensor | undefined)[];
}

/** The node and the output that a name of a value means. */
export function parsedName(name: string): [node: string, output: number] {
  const parts = name.split(':');
  return [parts[0]!, parts.length === 1 ? 0 : Number(parts.at(-1))];
}

/** The nodes whose values a node takes, each with the number of the output. */
export function valueInputs({ inputNames }: GraphNode): [node: string, output: number][] {
  return inputNames.filter((name) => !name.startsWith('^')).map(parsedName);
}
