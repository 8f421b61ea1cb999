/** Conditions and loops whose branches and bodies are functions of the model, as ONNX's If and Loop. */
import { TraceError } from '../tracing/backend.js';
import { type Graph, parsedName } from './graph-nodes.js';
import { conditional, loop } from './loops.js';
import type { GraphScope, NodeOp } from './node-op.js';
import { tensorOf, type Value } from './values.js';

const isTrue: NodeOp = (node, [condition, ...values], evaluation) => {
  const branch = (attribute: string) => () => called(evaluation, evaluation.functionOf(node, attribute), values);
  return conditional(evaluation.backend, tensorOf(condition), branch('thenBranch'), branch('elseBranch'));
};

const whileLoop: NodeOp = (node, values, evaluation) => {
  const [condition, body] = ['cond', 'body'].map((attribute) => evaluation.functionOf(node, attribute)) as [
    Graph,
    Graph,
  ];
  const isInvariant = body.outputs.map((output, k) => passedInput(body, output.name) === body.inputs[k]?.name);
  return loop(evaluation.backend, {
    initial: values,
    isInvariant,
    condition: (states) => tensorOf(called(evaluation, condition, states)[0]),
    body: (states) => called(evaluation, body, states),
  });
};

/** The name of the input that a function returns unchanged as this value. */
function passedInput(graph: Graph, name: string): string {
  const node = graph.nodes[parsedName(name)[0]];
  return node?.op === 'Identity' ? passedInput(graph, node.inputNames[0]!) : parsedName(name)[0];
}

function called(evaluation: GraphScope, graph: Graph, values: readonly Value[]): Value[] {
  const given = graph.inputs.map((input, k): [string, Value[]] => {
    const value = values[k];
    if (!value) throw new TraceError(`the function lacks its input '${input.name}'`);
    return [input.name, [value]];
  });
  const inner = evaluation.inner(graph, new Map(given));
  return graph.outputs.map(({ name, defaultOutput = 0 }) => inner.value(`${name}:${defaultOutput}`));
}

const partitionedCall: NodeOp = (node, values, evaluation) =>
  called(evaluation, evaluation.functionOf(node, 'f'), values);

export const controlFlow: Readonly<Record<string, NodeOp>> = {
  If: isTrue,
  StatelessIf: isTrue,
  While: whileLoop,
  StatelessWhile: whileLoop,
  PartitionedCall: partitionedCall,
  StatefulPartitionedCall: partitionedCall,
};
