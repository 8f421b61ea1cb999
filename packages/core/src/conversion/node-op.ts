/** The operations that conversion computes itself, and what they see of the evaluation of the graph around them. */
import type * as tf from '@tensorflow/tfjs-core';
import type { TraceBackend } from '../tracing/backend.js';
import type { Graph, GraphNode } from './graph-nodes.js';
import type { Value } from './values.js';

/** The evaluation of a graph, or of the body of a loop or condition in it. */
export interface GraphScope {
  readonly backend: TraceBackend;
  readonly graph: Graph;
  /** The value of this name, `node` or `node:1`; evaluates the nodes that it depends on. */
  value(name: string): Value;
  /** {@link value}, where a tensor is needed. */
  tensor(name: string): tf.Tensor;
  /** Gives a node its outputs. */
  set(node: string, values: Value[]): void;
  /** The evaluation of a function of the model, or of the same graph as a body, with these values known by node. */
  inner(graph: Graph, given: ReadonlyMap<string, Value[]>): GraphScope;
  /** The graph of a function that a node's attribute names. */
  functionOf(node: GraphNode, attribute: string): Graph;
}

/** Computes a node's outputs from the values that it takes. */
export type NodeOp = (node: GraphNode, inputs: Value[], scope: GraphScope) => Value[];

/** A node that evaluates what it needs itself, because only a part of its inputs has a value here. */
export type FrameOp = (node: GraphNode, scope: GraphScope) => Value[];
