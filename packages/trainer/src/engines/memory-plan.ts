/**
 * Plans the use of memory from a traced graph. It finds the residents that the program may overwrite while it runs, and
 * those that change only in some rows. It also orders the nodes so that ONNX Runtime overwrites values of its own as
 * well.
 */
import type { OnnxGraph } from '@unroll/core';
import { elementCount, nextOf, type OnnxNode, prune } from '@unroll/core/onnx';
import { replacedResident } from './engine.js';
import { Links } from './graph-links.js';

export interface MemoryPlan {
  /** The graph to run. For the residents in {@link updates} it returns only the new rows. */
  readonly graph: OnnxGraph;
  readonly inPlace: ReadonlySet<string>;
  readonly updates: readonly UpdatedRows[];
}

export function planMemory(traced: OnnxGraph): MemoryPlan {
  const inPlace = updatedInPlace(traced);
  const updates = rowUpdates(traced, inPlace);
  return { graph: readersFirst(givingRows(traced, updates)), inPlace, updates };
}

/** Operators that read an element before they write to its place. */
const elementwise = new Set(['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max', 'Where']);

/**
 * Finds the residents whose old and new values may share one buffer: no node that reads the old values can run after
 * the node that writes the new ones.
 */
export function updatedInPlace(graph: OnnxGraph): ReadonlySet<string> {
  const links = new Links(graph);
  const residents = graph.outputs.map(({ name }) => replacedResident(name)).filter((name) => name !== undefined);
  return new Set(
    residents.filter((name) => {
      const writer = links.writerOf(nextOf(name));
      return writer && overwrites(writer, name, links) && links.isReadOnlyBefore(name, writer);
    }),
  );
}

/** Whether a node may write its result over its input `name`, because it has by then read all it needs of it. */
function overwrites({ opType, inputs }: OnnxNode, name: string, links: Links): boolean {
  if (opType === 'ScatterND') return inputs[0] === name && links.source(inputs[2]!) !== name;
  return elementwise.has(opType) && inputs.includes(name);
}

export interface UpdatedRows {
  /** The resident whose rows change. */
  readonly resident: string;
  /** The graph input that holds the row numbers. */
  readonly ids: string;
  /** The value that holds the new rows, one for each id. */
  readonly rows: string;
}

/**
 * Finds the residents of which the graph replaces only some rows, numbered by one of its inputs.
 * @param inPlace the result of `updatedInPlace(graph)`
 */
export function rowUpdates(graph: OnnxGraph, inPlace: ReadonlySet<string>): UpdatedRows[] {
  const links = new Links(graph);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  return [...inPlace].flatMap((resident) => {
    const writer = links.writerOf(nextOf(resident))!;
    if (writer.opType !== 'ScatterND' || writer.attributes?.reduction) return [];
    const ids = links.source(writer.inputs[1]!);
    return inputs.has(ids) ? [{ resident, ids, rows: writer.inputs[2]! }] : [];
  });
}

/** Returns a graph whose outputs are the new rows instead of whole tables. */
function givingRows(graph: OnnxGraph, updates: readonly UpdatedRows[]): OnnxGraph {
  const byOutput = new Map(updates.map((update) => [nextOf(update.resident), update]));
  const shapes = new Map(graph.inputs.map(({ name, shape }) => [name, shape as number[]]));
  const outputs = graph.outputs.map((output) => {
    const update = byOutput.get(output.name);
    if (!update) return output;
    const [, ...width] = shapes.get(update.resident)!;
    return { ...output, name: update.rows, shape: [elementCount(shapes.get(update.ids)!), ...width] };
  });
  return prune({ ...graph, outputs });
}

/**
 * Moves nodes to the end that no overwriting node's results need. ONNX Runtime walks a graph from its end and therefore
 * runs them first. Then ScatterElements overwrites a value that no node has yet to read, and need not copy it.
 */
export function readersFirst(graph: OnnxGraph): OnnxGraph {
  const links = new Links(graph);
  const overwriting = graph.nodes.filter(({ opType }) => opType === 'ScatterElements');
  const kept = new Set<OnnxNode>();
  for (const { name } of graph.outputs) {
    const needed = links.ancestors([name]);
    if (overwriting.some((node) => needed.has(node))) for (const node of needed) kept.add(node);
  }
  const isKept = (node: OnnxNode) => kept.has(node);
  return { ...graph, nodes: [...graph.nodes.filter(isKept), ...graph.nodes.filter((node) => !isKept(node))] };
}
