/**
 * Leaves sizes of a graph open. TensorFlow.js has no symbolic shapes. So a function is traced several times, with
 * different sizes, and the graphs are compared: a number that is the same in all is a constant; one that is not is
 * computed, when the graph runs, from the shape of a value that has it.
 */
import { type OnnxAttribute, type OnnxGraph, type OnnxNode, type OnnxTensor, prune } from '../onnx/graph.js';
import { TraceError } from './backend.js';
import { OpenTensors } from './open-tensors.js';
import { type OpenSize, type SampledSize, sizeSamples } from './size-samples.js';
import { SizeScope, sameBytes } from './size-scope.js';
import type { TracedGraph } from './trace.js';
import { isSamePadding } from './window-padding.js';

/** The remedy where a size cannot be left open. */
export const numbersAdvice = "give the inputs' shapes as numbers";

/**
 * Makes sizes symbolic.
 * @param sizes the sizes, by their names in the shapes of inputs and outputs
 * @param traceWith traces the function with these sizes; `trial` is the number of the trace
 * @param taken sizes that the function has otherwise, such as those of its weights
 * @throws TraceError naming the operator that cannot leave a size open
 */
export function withOpenSizes(
  sizes: readonly OpenSize[],
  traceWith: (sizes: Readonly<Record<string, number>>, trial: number) => TracedGraph,
  taken: ReadonlySet<number>,
): OnnxGraph {
  const samples = sizeSamples(sizes, taken);
  return new Opening(
    samples.map(traceWith),
    sizes.map(({ name }) => ({ name, samples: samples.map((sample) => sample[name]!) })),
  ).graph();
}

class Opening {
  readonly #graphs: readonly TracedGraph[];
  readonly #sizes: readonly SampledSize[];
  readonly #initializers: readonly ReadonlyMap<string, OnnxTensor>[];
  readonly #kept = new Map<string, OnnxTensor>();

  constructor(graphs: readonly TracedGraph[], sizes: readonly SampledSize[]) {
    this.#graphs = graphs;
    this.#sizes = sizes;
    this.#initializers = graphs.map(({ initializers }) => new Map(initializers.map((each) => [each.name, each])));
  }

  graph(): OnnxGraph {
    const [first] = this.#graphs;
    const scope = new SizeScope({ sizes: this.#sizes, initializers: this.#kept, count: 0 });
    for (const { name } of first!.inputs) scope.know(name, this.#shapesOf(name));
    this.#nodes(
      this.#graphs.map(({ nodes }) => nodes),
      scope,
    );
    const open = ({ name, dtype }: OnnxGraph['inputs'][number]) => ({ name, dtype, shape: this.#openShape(name) });
    return prune({
      inputs: first!.inputs.map(open),
      outputs: first!.outputs.map(open),
      initializers: [...this.#kept.values()],
      nodes: scope.nodes,
    });
  }

  #nodes(lists: readonly (readonly OnnxNode[])[], scope: SizeScope): void {
    for (const [index, first] of lists[0]!.entries()) {
      const nodes = lists.map((list) => list[index]);
      const differs = nodes.find((node) => node?.opType !== first.opType || node.inputs.length !== first.inputs.length);
      if (differs !== undefined || nodes.includes(undefined))
        throw this.#error(`the operations depend on it (${first.opType})`);
      scope.nodes.push(this.#node(nodes as OnnxNode[], scope));
      for (const name of first.outputs) scope.know(name, this.#shapesOf(name));
    }
    if (lists.some(({ length }) => length !== lists[0]!.length))
      throw this.#error('the number of operations depends on it');
  }

  #node(nodes: readonly OnnxNode[], scope: SizeScope): OnnxNode {
    const [node] = nodes;
    const attributes = Object.entries(node!.attributes ?? {}).map(([name, attribute]) => {
      const all = nodes.map((each) => each.attributes![name]!);
      return this.#attribute(name, attribute, all, nodes, scope);
    });
    return {
      ...node!,
      inputs: node!.inputs.map((_, position) => this.#input(nodes, position, scope)),
      ...(node!.attributes && { attributes: Object.fromEntries(attributes) }),
    };
  }

  #input(nodes: readonly OnnxNode[], position: number, scope: SizeScope): string {
    const [node] = nodes;
    const name = node!.inputs[position]!;
    const tensors = nodes.map(({ inputs }, trial) => this.#initializers[trial]!.get(inputs[position]!));
    if (tensors.every((tensor) => tensor === undefined)) {
      if (nodes.some(({ inputs }) => inputs[position] !== name))
        throw this.#error(`${node!.opType} takes different values`);
      return name;
    }
    if (tensors.includes(undefined)) throw this.#error(`${node!.opType} takes a constant or another value`);
    const constants = tensors as OnnxTensor[];
    if (constants.every((tensor) => sameBytes(tensor, constants[0]!))) {
      this.#kept.set(name, constants[0]!);
      return name;
    }
    const opened = new OpenTensors(scope).open(constants, { asShape: node!.opType === 'Reshape' && position === 1 });
    if (opened === undefined) throw this.#error(`${node!.opType} takes as a constant what depends on it`);
    return opened;
  }

  #attribute(
    name: string,
    attribute: OnnxAttribute,
    all: readonly OnnxAttribute[],
    nodes: readonly OnnxNode[],
    scope: SizeScope,
  ): [string, OnnxAttribute] {
    if ('g' in attribute)
      return [
        name,
        {
          g: this.#body(
            all.map((each) => (each as { g: OnnxGraph }).g),
            scope,
          ),
        },
      ];
    if (all.every((each) => JSON.stringify(each) === JSON.stringify(attribute))) return [name, attribute];
    const [node] = nodes;
    const isSame = nodes.every((each, trial) =>
      isSamePadding(each, this.#graphs[trial]!.values.get(each.inputs[0]!)?.shape),
    );
    if (name === 'pads' && isSame) return ['auto_pad', { s: 'SAME_UPPER' }];
    throw this.#error(`${node!.opType} has an attribute '${name}' that depends on it`);
  }

  #body(all: readonly OnnxGraph[], around: SizeScope): OnnxGraph {
    const scope = around.inner();
    for (const { name } of all[0]!.inputs) scope.know(name, this.#shapesOf(name));
    this.#nodes(
      all.map(({ nodes }) => nodes),
      scope,
    );
    const open = ({ name, dtype }: OnnxGraph['inputs'][number]) => ({ name, dtype, shape: this.#openShape(name) });
    return {
      inputs: all[0]!.inputs.map(open),
      outputs: all[0]!.outputs.map(open),
      initializers: [],
      nodes: scope.nodes,
    };
  }

  /** The shape of a value in each trace. */
  #shapesOf(name: string): (readonly number[] | undefined)[] {
    return this.#graphs.map(({ inputs, values }) => {
      const value = values.get(name) ?? inputs.find((input) => input.name === name);
      return value?.shape as readonly number[] | undefined;
    });
  }

  #openShape(name: string): (number | string)[] {
    const shapes = this.#shapesOf(name) as (readonly number[])[];
    return shapes[0]!.map((size, axis) => {
      const samples = shapes.map((shape) => shape[axis]!);
      if (samples.every((each) => each === size)) return size;
      const known = this.#sizes.find((each) => each.samples.join() === samples.join());
      return known?.name ?? this.#derivedName(name, axis, samples);
    });
  }

  #derivedName(name: string, axis: number, samples: readonly number[]): string {
    const multiple = this.#sizes.find((each) => {
      const factor = samples[0]! / each.samples[0]!;
      return Number.isInteger(factor) && each.samples.every((size, trial) => size * factor === samples[trial]);
    });
    return multiple ? `${multiple.name}*${samples[0]! / multiple.samples[0]!}` : `${name}.${axis}`;
  }

  #error(why: string): TraceError {
    const names = this.#sizes.map(({ name }) => `'${name}'`).join(' or ');
    return new TraceError(`the size of ${names} cannot be left open: ${why}; ${numbersAdvice}`);
  }
}
