/**
 * Evaluates a graph model node by node on the backend that traces. TensorFlow.js computes the plain operations; what it
 * computes by reading values (conditions, loops, lists, selections) is recorded here as ONNX's own operators.
 */
import type * as tf from '@tensorflow/tfjs-core';
import { type TraceBackend, TraceError } from '../tracing/backend.js';
import { controlFlow } from './control-flow.js';
import { type Executor, type Graph, type GraphNode, parsedName, valueInputs } from './graph-nodes.js';
import { frameOps } from './loop-frames.js';
import type { GraphScope } from './node-op.js';
import { selections } from './selections.js';
import { listOps } from './tensor-lists.js';
import { TensorList, tensorOf, type Value } from './values.js';

/** What all evaluations of a model share. */
export interface Conversion {
  readonly backend: TraceBackend;
  readonly executor: Executor;
}

const refusedCategories = new Map([
  ['string', 'strings'],
  ['hash_table', 'tables of strings'],
  ['ragged', 'ragged tensors'],
  ['sparse', 'sparse tensors'],
]);

const passingOps = new Set(['Identity', 'IdentityN', 'StopGradient', 'Snapshot', 'PreventGradient', 'Print']);

export class Evaluation implements GraphScope {
  readonly #conversion: Conversion;
  readonly #around: Evaluation | undefined;
  readonly #values: Map<string, Value[]>;
  readonly #outputCounts: ReadonlyMap<string, number>;

  /**
   * @param given the values that are known, by node: those of the graph's inputs
   * @param around the evaluation of the graph whose loop or condition this one is the body of
   */
  constructor(
    conversion: Conversion,
    readonly graph: Graph,
    given: ReadonlyMap<string, Value[]>,
    around?: Evaluation,
  ) {
    this.#conversion = conversion;
    this.#around = around;
    this.#values = new Map(given);
    this.#outputCounts = around && around.graph === graph ? around.#outputCounts : outputCounts(graph);
  }

  get backend(): TraceBackend {
    return this.#conversion.backend;
  }

  /** Evaluates a function of the model, or the same graph as the body of a loop or a condition. */
  inner(graph: Graph, given: ReadonlyMap<string, Value[]>): Evaluation {
    return new Evaluation(this.#conversion, graph, given, graph === this.graph ? this : undefined);
  }

  /** The graph of a function that a node's attribute names. */
  functionOf(node: GraphNode, attribute: string): Graph {
    const name = String(node.attrParams[attribute]?.value);
    const graph = this.#conversion.executor.graph.functions?.[name];
    if (!graph)
      throw new TraceError(`node '${node.name}' (${node.op}) calls a function '${name}' that the model lacks`);
    return graph;
  }

  tensor(name: string): tf.Tensor {
    const value = this.value(name);
    if (!(value instanceof TensorList)) return value;
    throw new TraceError(`'${name}' is a list of tensors, where a tensor is needed`);
  }

  value(name: string): Value {
    const [node, output] = parsedName(name);
    const value = this.#evaluated(node)[output];
    if (value) return value;
    throw new TraceError(`node '${node}' has no output ${output} that can be converted`);
  }

  set(node: string, values: Value[]): void {
    this.#values.set(node, values);
  }

  /** Depth first with a stack of its own, because graphs are deeper than JavaScript's stack. */
  #evaluated(name: string): Value[] {
    const stack = [name];
    const waiting = new Set<string>();
    for (;;) {
      const top = stack.at(-1)!;
      const known = this.#known(top);
      if (known) {
        stack.pop();
        if (stack.length === 0) return known;
        continue;
      }
      const node = this.graph.nodes[top];
      if (!node) throw new TraceError(`the model has no node '${top}'; was it saved whole?`);
      const missing = frameOps[node.op] ? [] : valueInputs(node).filter(([input]) => !this.#known(input));
      if (missing.length === 0) {
        this.#values.set(top, this.#compute(node));
        continue;
      }
      if (waiting.has(top)) throw new TraceError(`node '${top}' (${node.op}) waits for itself, outside of a loop`);
      waiting.add(top);
      stack.push(...missing.map(([input]) => input));
    }
  }

  #known(name: string): Value[] | undefined {
    return (
      this.#values.get(name) ?? (this.#around ? this.#around.#known(name) : this.#conversion.executor.weightMap[name])
    );
  }

  #compute(node: GraphNode): Value[] {
    const ofFrame = frameOps[node.op];
    try {
      if (ofFrame) return ofFrame(node, this);
      const inputs = valueInputs(node).map(([input, output]) => this.#known(input)![output]!);
      if (passingOps.has(node.op)) return inputs;
      const op = listOps[node.op] ?? controlFlow[node.op] ?? selections[node.op];
      return op ? op(node, inputs, this) : this.#run(node, inputs);
    } catch (error) {
      throw named(node, error);
    }
  }

  /** Lets TensorFlow.js compute one node, as a graph of its own. */
  #run(node: GraphNode, inputs: readonly Value[]): Value[] {
    const refused = refusedCategories.get(node.category);
    if (refused !== undefined) throw new TraceError(`ONNX has no ${refused}`);
    const placeholders = inputs.map((_, k) => ({ ...placeholder, name: `input.${k}`, children: [] as GraphNode[] }));
    const copy = { ...node, inputNames: placeholders.map(({ name }) => name), inputs: placeholders, children: [] };
    for (const each of placeholders) each.children.push(copy);
    const GraphExecutor = this.#conversion.executor.constructor as new (graph: object) => Executor;
    const nodes = Object.fromEntries([...placeholders, copy].map((each) => [each.name, each]));
    const executor = new GraphExecutor({
      nodes,
      inputs: placeholders,
      outputs: [copy],
      weights: [],
      placeholders,
      functions: {},
    });
    executor.weightMap = {};
    const count = this.#outputCounts.get(node.name) ?? 1;
    const given = Object.fromEntries(inputs.map((value, k) => [`input.${k}`, tensorOf(value)]));
    return executor.execute(
      given,
      Array.from({ length: count }, (_, k) => `${node.name}:${k}`),
    ) as tf.Tensor[];
  }
}

const placeholder = {
  op: 'Placeholder',
  category: 'graph',
  inputNames: [],
  inputs: [],
  inputParams: {},
  attrParams: {},
};

function named({ name, op }: GraphNode, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith("node '")) return error as Error;
  return new TraceError(`node '${name}' (${op}): ${message.split('\n')[0]}`, { cause: error });
}

/** For each node, the number of outputs that others take. */
function outputCounts({ nodes, outputs }: Graph): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (node: string, output: number) => counts.set(node, Math.max(counts.get(node) ?? 1, output + 1));
  for (const node of Object.values(nodes)) for (const [input, output] of valueInputs(node)) count(input, output);
  for (const { name, defaultOutput = 0 } of outputs) count(name, defaultOutput);
  return counts;
}
