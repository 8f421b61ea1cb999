/**
 * Loops and conditions of TensorFlow 1, which are spread over the graph. A loop is a frame: its values come in by Enter
 * and Merge, go round by NextIteration and out by Switch and Exit. A condition goes in by Switch and out by Merge.
 */
import { TraceError } from '../tracing/backend.js';
import { type GraphNode, parsedName } from './graph-nodes.js';
import { conditional, loop } from './loops.js';
import type { FrameOp, GraphScope } from './node-op.js';
import { tensorOf, type Value } from './values.js';

function nodeOf(evaluation: GraphScope, name: string): GraphNode {
  const node = evaluation.graph.nodes[parsedName(name)[0]];
  if (node) return node;
  throw new TraceError(`the model has no node '${name}'; was it saved whole?`);
}

/** One value that goes round a loop. */
interface Round {
  readonly enter: GraphNode;
  readonly merge: GraphNode;
  readonly next: GraphNode;
  readonly switched: GraphNode;
}

const exit: FrameOp = (node, evaluation) => {
  const conditionOf = (switched: GraphNode) => nodeOf(evaluation, switched.inputNames[1]!);
  const loopCond = conditionOf(nodeOf(evaluation, node.inputNames[0]!));
  const nodes = Object.values(evaluation.graph.nodes);
  const rounds = nodes
    .filter((each) => each.op === 'Switch' && conditionOf(each) === loopCond)
    .map((switched): Round => {
      const merge = nodeOf(evaluation, switched.inputNames[0]!);
      const [enter, next] = merge.inputNames.map((name) => nodeOf(evaluation, name)) as [GraphNode, GraphNode];
      return { enter, merge, next, switched };
    });
  const frame = rounds[0]!.enter.attrParams.frameName?.value;
  // All that enters is evaluated outside of the loop, before its body is recorded.
  const entering = nodes
    .filter((each) => each.op === 'Enter' && each.attrParams.frameName?.value === frame)
    .map((each): [string, Value[]] => [each.name, [evaluation.value(each.inputNames[0]!)]]);
  const step = (values: readonly Value[]) => {
    const given = new Map(entering);
    for (const [k, { merge, switched }] of rounds.entries()) {
      given.set(merge.name, [values[k]!]);
      given.set(switched.name, [values[k]!, values[k]!]);
    }
    return evaluation.inner(evaluation.graph, given);
  };
  const values = loop(evaluation.backend, {
    initial: rounds.map(({ enter }) => evaluation.value(enter.inputNames[0]!)),
    isInvariant: rounds.map(({ next, switched }) => passed(evaluation, next.inputNames[0]!) === switched),
    condition: (states) => tensorOf(step(states).value(loopCond.inputNames[0]!)),
    body: (states) => {
      const inner = step(states);
      return rounds.map(({ next }) => inner.value(next.inputNames[0]!));
    },
  });
  for (const each of nodes.filter(({ op }) => op === 'Exit')) {
    const k = rounds.findIndex(({ switched }) => switched === nodeOf(evaluation, each.inputNames[0]!));
    if (k !== -1) evaluation.set(each.name, [values[k]!]);
  }
  return [values[rounds.findIndex(({ switched }) => switched === nodeOf(evaluation, node.inputNames[0]!))]!];
};

/** The node whose value this is, unchanged. */
function passed(evaluation: GraphScope, name: string): GraphNode {
  const node = nodeOf(evaluation, name);
  return node.op === 'Identity' ? passed(evaluation, node.inputNames[0]!) : node;
}

/** A side of a condition: the Switch nodes that lead into it, and whether they lead on true. */
interface Side {
  readonly switches: GraphNode[];
  readonly isTrue: boolean | undefined;
}

const merge: FrameOp = (node, evaluation) => {
  const names = node.inputNames.filter((name) => !name.startsWith('^'));
  const sides = names.map((name) => sideOf(evaluation, name));
  const found = sides.find(({ isTrue }) => isTrue !== undefined);
  if (names.length !== 2 || !found)
    throw new TraceError('no Switch leads to this Merge, so its condition is not known');
  const condition = evaluation.tensor(found.switches[0]!.inputNames[1]!);
  // What the sides take is evaluated before them.
  const given = sides
    .flatMap(({ switches }) => switches)
    .map(({ name, inputNames }): [string, Value[]] => {
      const value = evaluation.value(inputNames[0]!);
      return [name, [value, value]];
    });
  const isFirstTrue = (sides[0] === found) === found.isTrue;
  const branch = (name: string) => () => [evaluation.inner(evaluation.graph, new Map(given)).value(name)];
  const [onTrue, onFalse] = isFirstTrue ? names : names.toReversed();
  return conditional(evaluation.backend, condition, branch(onTrue!), branch(onFalse!));
};

/** Goes back from a value to the Switch nodes of the innermost condition around it. */
function sideOf(evaluation: GraphScope, name: string): Side {
  const switches: GraphNode[] = [];
  let isTrue: boolean | undefined;
  const seen = new Set<string>();
  const frontier = [{ name, depth: 0 }];
  for (let next = frontier.pop(); next; next = frontier.pop()) {
    const node = evaluation.graph.nodes[parsedName(next.name)[0]];
    if (!node || seen.has(next.name)) continue;
    seen.add(next.name);
    if (node.op === 'Switch' && next.depth === 0) {
      switches.push(node);
      isTrue ??= parsedName(next.name)[1] === 1;
      continue;
    }
    const depth = next.depth + (node.op === 'Merge' ? 1 : node.op === 'Switch' ? -1 : 0);
    for (const input of node.inputNames) frontier.push({ name: input.replace(/^\^/, ''), depth });
  }
  return { switches, isTrue };
}

const outsideOfLoop: FrameOp = ({ op }) => {
  throw new TraceError(`this ${op} is part of no loop or condition that is recognized`);
};

/** Nodes of loops and conditions, where they do not have their values from the evaluation of a body. */
export const frameOps: Readonly<Record<string, FrameOp>> = {
  Exit: exit,
  Merge: merge,
  Enter: outsideOfLoop,
  NextIteration: outsideOfLoop,
  LoopCond: outsideOfLoop,
  Switch: outsideOfLoop,
};
