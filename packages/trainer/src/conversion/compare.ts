/** Runs a converted model in ONNX Runtime and the model itself in TensorFlow.js on the same random inputs. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { GraphModel } from '@unroll/core';
import type { OnnxGraph, OnnxNode } from '@unroll/core/onnx';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { firstLine, UnrollError } from '../errors.js';

/** The open sizes of the inputs on which both are run, by the kind of the dimension. */
const checkedSizes = [
  { batch: 3, time: 7, other: 64 },
  { batch: 1, time: 12, other: 96 },
];

export interface Comparison {
  /** Number of inputs, of different sizes where sizes are open, on which both were run. */
  readonly runs: number;
  /** The largest difference of an element, relative to the output's largest if that is above 1. */
  readonly difference: number;
  /** The output that has it. */
  readonly output: string;
}

/** A model's outputs for the inputs in the model's order. */
export type Predict = (inputs: tf.Tensor[]) => Promise<tf.Tensor[]>;

export function predictionOf(model: LayersModel | GraphModel): Predict {
  return async (inputs) => {
    if ('predictOnBatch' in model) return [model.predict(inputs.length === 1 ? inputs[0]! : inputs)].flat();
    const graphModel = model as GraphModel & { executeAsync(inputs: tf.Tensor[]): Promise<tf.Tensor | tf.Tensor[]> };
    try {
      return [graphModel.execute(inputs)].flat();
    } catch (error) {
      // Loops, conditions and selections.
      if (!firstLine(error).includes('executeAsync')) throw error;
      return [await graphModel.executeAsync(inputs)].flat();
    }
  };
}

/**
 * Compares the outputs for random inputs, of two sizes where sizes are open.
 * @throws UnrollError if ONNX Runtime refuses the model or an output has another shape
 */
export async function compare(bytes: Uint8Array, graph: OnnxGraph, predict: Predict): Promise<Comparison> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 }).catch((error: unknown) => {
    throw new UnrollError(`ONNX Runtime refuses the converted model (${firstLine(error)}); please report it`);
  });
  const isOpen = graph.inputs.some(({ shape }) => shape.some((size) => typeof size === 'string'));
  const tried = isOpen ? checkedSizes : checkedSizes.slice(0, 1);
  try {
    const all: Comparison[] = [];
    for (const sizes of tried) {
      const inputs = graph.inputs.map((input) => randomInput(graph, input, sizes));
      const feeds = Object.fromEntries(inputs.map((tensor, k) => [graph.inputs[k]!.name, onnxTensor(tensor)] as const));
      const found = await session.run(feeds);
      const expected = await predict(inputs);
      for (const [k, { name }] of graph.outputs.entries()) {
        const difference = differenceOf(name, expected[k]!, found[name]!);
        all.push({ runs: tried.length, output: name, difference });
      }
    }
    return all.reduce((worst, each) => (each.difference > worst.difference ? each : worst));
  } finally {
    await session.release();
  }
}

function randomInput(
  graph: OnnxGraph,
  { name, dtype, shape }: OnnxGraph['inputs'][number],
  openSizes: (typeof checkedSizes)[number],
): tf.Tensor {
  const sizes = shape.map((size) => {
    if (typeof size === 'number') return size;
    const kind = /(batch|time)$/.exec(size)?.[1] as 'batch' | 'time' | undefined;
    return openSizes[kind ?? 'other'];
  });
  const rows = rowsLookedUp(graph, name);
  if (rows !== undefined) return tf.cast(tf.randomUniform(sizes, 0, rows, 'int32', 1), dtype as tf.DataType);
  if (dtype === 'float32') return tf.randomUniform(sizes, 0, 1, 'float32', 1);
  return tf.cast(tf.randomUniform(sizes, 0, dtype === 'bool' ? 2 : 256, 'int32', 1), dtype as tf.DataType);
}

/** Number of rows of the table in which an input is looked up; undefined if it is not. */
function rowsLookedUp({ nodes, initializers }: OnnxGraph, name: string): number | undefined {
  const same = new Set([name]);
  const follows = ({ opType }: OnnxNode) => ['Cast', 'Identity', 'Reshape', 'Transpose', 'Clip'].includes(opType);
  for (const node of nodes) {
    if (follows(node) && same.has(node.inputs[0]!)) for (const output of node.outputs) same.add(output);
    if (node.opType !== 'Gather' || !same.has(node.inputs[1]!)) continue;
    const axis = node.attributes?.axis;
    const table = initializers.find((tensor) => tensor.name === node.inputs[0]);
    if (table) return table.shape[axis && 'i' in axis ? axis.i : 0];
  }
  return undefined;
}

function onnxTensor(tensor: tf.Tensor): Tensor {
  const values = tensor.dataSync();
  if (tensor.dtype === 'float32') return new Tensor('float32', Float32Array.from(values), tensor.shape);
  if (tensor.dtype === 'int32') return new Tensor('int32', Int32Array.from(values), tensor.shape);
  return new Tensor('bool', Uint8Array.from(values), tensor.shape);
}

function differenceOf(name: string, expected: tf.Tensor, found: Tensor): number {
  if (expected.shape.join() !== found.dims.join()) {
    throw new UnrollError(
      `output '${name}' is [${expected.shape.join(', ')}] in TensorFlow.js and [${found.dims.join(', ')}] in ONNX Runtime; please report it`,
    );
  }
  const values = expected.dataSync();
  const others = found.data as ArrayLike<number | bigint | boolean>;
  let scale = 1;
  let difference = 0;
  for (const [k, value] of values.entries()) {
    const other = Number(others[k]);
    if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
    const distance = Object.is(value, other) ? 0 : Math.abs(value - other);
    difference = Math.max(difference, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
  }
  return difference / scale;
}
