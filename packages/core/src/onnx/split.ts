/**
 * Cuts a graph into graphs that run one after another, so that the results of the first can be used while the others
 * run. The cut depends on the outputs that the caller wants first and on the bytes that must then be handed on. Runs
 * nothing.
 */

import { elementCount } from '../tensors/shapes.js';
import { bytesPerElement, type OnnxGraph, type OnnxNode, type OnnxValue, prune } from './graph.js';

/** A graph with known types and shapes of its values. */
export interface SplittableGraph extends OnnxGraph {
  readonly values: ReadonlyMap<string, OnnxValue>;
}

/**
 * Splits a graph.
 * @param stages for each graph except the last, names of outputs that it computes unless an earlier one does
 * @returns a graph for each stage and one for the rest. A stage has the nodes that it needs and no earlier stage has,
 * and nodes after them that reduce the bytes to hand on. A value that a later graph reads is an output of the graph
 * that computes it and an input of the later one.
 */
export function splitGraph(graph: SplittableGraph, stages: readonly (readonly string[])[]): OnnxGraph[] {
  const stageOf = new Map<OnnxNode, number>();
  for (const [stage, outputs] of stages.entries()) {
    claim(graph, outputs, stage, stageOf);
    condense(graph, stage, stageOf);
  }
  for (const node of graph.nodes) if (!stageOf.has(node)) stageOf.set(node, stages.length);
  return Array.from({ length: stages.length + 1 }, (_, stage) => partOf(graph, stage, stageOf));
}

/** Assigns to a stage the nodes that its outputs need and no earlier stage has. */
function claim({ nodes }: OnnxGraph, outputs: readonly string[], stage: number, stageOf: Map<OnnxNode, number>): void {
  const needed = new Set(outputs);
  for (const node of nodes.toReversed()) {
    if (stageOf.has(node) || !node.outputs.some((name) => needed.has(name))) continue;
    stageOf.set(node, stage);
    for (const name of node.inputs) needed.add(name);
  }
}

/**
 * Assigns further nodes to a stage to reduce what it must hand on. A node qualifies if it can run in the stage, and if
 * its results are smaller than the values of the stage that only it reads, or equally large but fewer.
 */
function condense(graph: SplittableGraph, stage: number, stageOf: Map<OnnxNode, number>): void {
  const writers = writersOf(graph);
  const readers = new Map<string, Set<OnnxNode>>();
  for (const node of graph.nodes) {
    if (stageOf.has(node)) continue;
    for (const name of node.inputs) readers.set(name, (readers.get(name) ?? new Set()).add(node));
  }
  for (const node of graph.nodes) {
    if (stageOf.has(node)) continue;
    const isReady = node.inputs.every((name) => !writers.has(name) || stageOf.has(writers.get(name)!));
    if (!isReady) continue;
    const isSpared = (name: string) => stageOf.get(writers.get(name)!) === stage && readers.get(name)!.size === 1;
    const spared = [...new Set(node.inputs)].filter((name) => writers.has(name) && isSpared(name));
    const [before, after] = [bytesOf(graph, spared), bytesOf(graph, node.outputs)];
    if (after > before || (after === before && node.outputs.length >= spared.length)) continue;
    stageOf.set(node, stage);
    for (const name of node.inputs) readers.get(name)?.delete(node);
  }
}

function partOf(graph: SplittableGraph, stage: number, stageOf: ReadonlyMap<OnnxNode, number>): OnnxGraph {
  const nodes = graph.nodes.filter((node) => stageOf.get(node) === stage);
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const readLater = new Set(graph.nodes.filter((node) => stageOf.get(node)! > stage).flatMap(({ inputs }) => inputs));
  const outputs = graph.outputs.filter(({ name }) => made.has(name));
  const isOutput = new Set(outputs.map(({ name }) => name));
  const handedOn = [...made].filter((name) => readLater.has(name) && !isOutput.has(name));
  const handedOver = [...read].filter((name) => graph.values.has(name) && !made.has(name));
  const typeOf = (name: string) => graph.values.get(name)!;
  return prune({
    inputs: [...graph.inputs.filter(({ name }) => read.has(name)), ...handedOver.map(typeOf)],
    outputs: [...outputs, ...handedOn.map(typeOf)],
    initializers: graph.initializers,
    nodes,
  });
}

function writersOf({ nodes }: OnnxGraph): ReadonlyMap<string, OnnxNode> {
  return new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
}

function bytesOf({ values }: SplittableGraph, names: readonly string[]): number {
  return names.reduce((sum, name) => {
    const { shape, dtype } = values.get(name)!;
    return sum + elementCount(shape as readonly number[]) * bytesPerElement[dtype];
  }, 0);
}
