/**
 * Reduces a program's tables to the rows in use. It applies to tables of which the program only looks up and replaces
 * the rows of some ids. The reduced graph numbers these rows by their places among each other. Its result does not
 * depend on the number of other rows.
 */
import type { OnnxGraph } from '@unroll/core';
import type { OnnxNode } from '@unroll/core/onnx';
import { nextOf } from '@unroll/core/onnx';
import { Links } from './graph-links.js';
import type { UpdatedRows } from './memory-plan.js';

/** Symbolic dimension: the number of rows in use. */
const rowsInUse = 'rows';

/** Names the input with the place of each id's row. */
export function placesOf(ids: string): string {
  return `places.${ids}`;
}

/** Selects the updates of tables that the graph uses only to look up and replace rows of the same ids. */
export function tablesByRows(graph: OnnxGraph, updates: readonly UpdatedRows[]): UpdatedRows[] {
  const links = new Links(graph);
  return updates.filter(({ resident, ids }) =>
    links.readers(resident).every((node) => isOfRows(node, resident) && links.source(node.inputs[1]!) === ids),
  );
}

/** Whether the node looks up or replaces rows of the table. */
function isOfRows({ opType, inputs, attributes }: OnnxNode, table: string): boolean {
  const [read, ...others] = inputs;
  if (read !== table || others.includes(table)) return false;
  const { axis } = attributes ?? {};
  return opType === 'ScatterND' || (opType === 'Gather' && (!axis || ('i' in axis && axis.i === 0)));
}

/** Rewrites the graph to take only the rows in use of `tables`, found by {@link tablesByRows}, and their places. */
export function onRowsInUse(graph: OnnxGraph, tables: readonly UpdatedRows[]): OnnxGraph {
  const links = new Links(graph);
  const ids = new Set(tables.map((table) => table.ids));
  const residents = new Set(tables.map(({ resident }) => resident));
  const views = new Map<string, OnnxNode>();
  /** Returns the view of places that corresponds to a view of ids. */
  const placesLike = (name: string): string => {
    const places = placesOf(name);
    if (ids.has(name) || views.has(places)) return places;
    const { inputs, ...node } = links.writer(name)!;
    const [viewed, ...others] = inputs;
    views.set(places, { ...node, inputs: [placesLike(viewed!), ...others], outputs: [places] });
    return places;
  };
  const nodes = graph.nodes.map((node) => {
    const [table, index, ...others] = node.inputs;
    return residents.has(table!) ? { ...node, inputs: [table!, placesLike(index!), ...others] } : node;
  });
  const byRows = new Set([...residents].flatMap((name) => [name, nextOf(name)]));
  const inRows = graph.inputs.map((value) => (byRows.has(value.name) ? ofRows(value) : value));
  const places = graph.inputs
    .filter(({ name }) => ids.has(name))
    .map((value) => ({ ...value, name: placesOf(value.name) }));
  return {
    ...graph,
    inputs: [...inRows, ...places],
    outputs: graph.outputs.map((value) => (byRows.has(value.name) ? ofRows(value) : value)),
    nodes: [...views.values(), ...nodes],
  };
}

function ofRows<T extends OnnxGraph['inputs'][number]>(value: T): T {
  return { ...value, shape: [rowsInUse, ...value.shape.slice(1)] };
}

/** The rows that some ids use. `rows` in the constructor is the size of the smallest table. */
export class RowsInUse {
  /** The place of each id. */
  readonly places: Int32Array;
  /** The id of each place; undefined if the tables are used whole, because they have no more rows than ids. */
  readonly #ids: Int32Array | undefined;

  constructor(ids: Int32Array, rows: number) {
    if (rows <= ids.length) {
      this.places = ids;
      return;
    }
    const places = new Map<number, number>();
    this.places = ids.map((id) => {
      const place = places.get(id) ?? places.size;
      places.set(id, place);
      return place;
    });
    this.#ids = Int32Array.from(places.keys());
  }

  /** Copies a table's rows in use into an array, whose size depends on the number of ids only. */
  take(table: Float32Array, width: number): Float32Array {
    const ids = this.#ids;
    if (!ids) return table;
    const rows = new Float32Array(this.places.length * width);
    ids.forEach((id, place) => {
      rows.set(table.subarray(id * width, (id + 1) * width), place * width);
    });
    return rows;
  }

  /** Writes the rows from {@link take} back into the table. */
  put(table: Float32Array, rows: Float32Array): void {
    const width = rows.length / this.places.length;
    this.#ids?.forEach((id, place) => {
      table.set(rows.subarray(place * width, (place + 1) * width), id * width);
    });
  }
}
