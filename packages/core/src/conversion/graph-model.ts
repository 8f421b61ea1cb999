/** A graph model of TensorFlow.js to convert. */
import type * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { Evaluation } from './graph-evaluation.js';
import type { Executor, Graph, GraphNode } from './graph-nodes.js';
import { inputType, type ModelSource } from './model-source.js';

/** The model that `tf.loadGraphModel` returns. */
export interface GraphModel {
  readonly inputs: readonly { readonly name: string; readonly shape?: number[]; readonly dtype: string }[];
  readonly outputNodes: string[];
  readonly modelSignature: object;
  execute(inputs: tf.Tensor | tf.Tensor[] | tf.NamedTensorMap, outputs?: string | string[]): tf.Tensor | tf.Tensor[];
}

export function isGraphModel(model: object): model is GraphModel {
  return 'executor' in model && 'outputNodes' in model;
}

export function graphModelSource(model: GraphModel): ModelSource {
  const { executor } = model as unknown as { executor: Executor };
  const { graph, weightMap } = executor;
  const inputs = graph.inputs.map((node) => {
    const name = withoutOutput(node.signatureKey ?? node.name);
    const { shape, dtype } = node.attrParams;
    return { name, shape: knownRank(shape?.value), dtype: inputType(name, dtype?.value as string | undefined) };
  });
  const outputs = outputNames(graph.outputs, new Set(inputs.map(({ name }) => name)));
  return {
    inputs,
    sizes: new Set(Object.values(weightMap).flatMap((tensors) => tensors.flatMap(({ shape }) => shape))),
    run: (tensors, backend) => {
      const given = graph.inputs.map((node, k): [string, tf.Tensor[]] => [node.name, [tensors[inputs[k]!.name]!]]);
      const evaluation = new Evaluation({ backend, executor }, graph, new Map(given));
      const values = outputs.map(([name, node]) => {
        return [name, evaluation.tensor(`${node.name}:${node.defaultOutput ?? 0}`)] as const;
      });
      return Object.fromEntries(values) satisfies NamedTensors;
    },
    dispose: () => undefined,
  };
}

/** The names of outputs, those of the signature where it has one; a name that is taken gets a number. */
function outputNames(nodes: Graph['outputs'], used: Set<string>): [string, GraphNode][] {
  return nodes.map((node) => {
    const name = withoutOutput(node.signatureKey ?? node.name);
    let free = name;
    for (let count = 1; used.has(free); count++) free = `${name}_${count}`;
    used.add(free);
    return [free, node];
  });
}

function withoutOutput(name: string): string {
  return name.replace(/:0$/, '');
}

/** An unknown rank is written as no shape or, in some files, as an empty one with a flag that TensorFlow.js drops. */
function knownRank(shape: unknown): number[] | undefined {
  return Array.isArray(shape) ? (shape as number[]) : undefined;
}
