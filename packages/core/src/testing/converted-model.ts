/** For tests: converts a model, runs it in ONNX Runtime and compares its outputs with TensorFlow.js's. */
import '@tensorflow/tfjs';
import { loadGraphModelSync } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import type { GraphModel } from '../conversion/graph-model.js';
import { type ToOnnxOptions, toOnnx } from '../conversion/to-onnx.js';
import { checkOnnx, onnxCheckerMissing } from './onnx-checker.js';

/** Files that were converted and wait for ONNX's checker: Python starts once for all. */
const unchecked = new Map<string, Uint8Array>();

/** Converts a model, and keeps its file for {@link checkConverted}. The checker knows no opset above 17. */
export async function converted(model: LayersModel | GraphModel, options?: ToOnnxOptions): Promise<Uint8Array> {
  const bytes = await toOnnx(model, options);
  if ((options?.opset ?? 17) <= 17) unchecked.set(expect.getState().currentTestName ?? '', bytes);
  return bytes;
}

/** Gives ONNX's checker all files that were converted, as the last test of a file. */
export function checkConverted(): void {
  test('ONNX’s checker accepts every file that was converted', ({ skip }) => {
    skip(onnxCheckerMissing !== undefined, onnxCheckerMissing);
    expect(unchecked.size).toBeGreaterThan(0);
    checkOnnx(Object.fromEntries(unchecked));
  });
}

/** The model's outputs by TensorFlow.js. */
async function predicted(model: LayersModel | GraphModel, inputs: tf.Tensor[]): Promise<tf.Tensor[]> {
  const given = inputs.length === 1 ? inputs[0]! : inputs;
  if ('predictOnBatch' in model) return [model.predict(given)].flat();
  const { warn } = console;
  console.warn = () => undefined; // it advises to call execute, where it can
  try {
    return [
      await (model as unknown as { executeAsync(inputs: unknown): Promise<tf.Tensor | tf.Tensor[]> }).executeAsync(
        given,
      ),
    ].flat();
  } finally {
    console.warn = warn;
  }
}

/** Compares the outputs for inputs of each of these lists. */
export async function expectSameOutputs(
  model: LayersModel | GraphModel,
  bytes: Uint8Array,
  ...lists: tf.Tensor[][]
): Promise<void> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  for (const inputs of lists) {
    const feeds = Object.fromEntries(session.inputNames.map((name, k) => [name, onnxTensor(inputs[k]!)]));
    const found = await session.run(feeds);
    const expected = await predicted(model, inputs);
    expect(session.outputNames.map((name) => [...found[name]!.dims])).toEqual(expected.map(({ shape }) => shape));
    for (const [k, name] of session.outputNames.entries()) {
      const values = Array.from(found[name]!.data as ArrayLike<number>, Number);
      const close = Array.from(expected[k]!.dataSync(), (value) => expect.closeTo(value, 4) as number);
      expect(values).toEqual(close);
    }
  }
  await session.release();
}

function onnxTensor(tensor: tf.Tensor): Tensor {
  const values = tensor.dataSync();
  if (tensor.dtype === 'float32') return new Tensor('float32', Float32Array.from(values), tensor.shape);
  if (tensor.dtype === 'int32') return new Tensor('int32', Int32Array.from(values), tensor.shape);
  return new Tensor('bool', Uint8Array.from(values), tensor.shape);
}

/** A node of a GraphDef, as TensorFlow.js's converter writes it. */
export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, object>>;
}

interface GraphDef {
  readonly nodes: readonly NodeDef[];
  readonly outputs: readonly string[];
  /** Constants by the names of their nodes. */
  readonly weights?: Readonly<Record<string, tf.Tensor>>;
  readonly functions?: readonly object[];
}

/** Loads a graph model that was written by hand. */
export async function graphModelOf({ nodes, outputs, weights = {}, functions = [] }: GraphDef): Promise<GraphModel> {
  const constants = Object.entries(weights).map(([name, { dtype }]) => ({
    ...{ name, op: 'Const', input: [] },
    attr: { dtype: { type: `DT_${dtype === 'float32' ? 'FLOAT' : dtype.toUpperCase()}` } },
  }));
  const { data, specs } = await tf.io.encodeWeights(weights);
  const node = [...constants, ...nodes.map((each) => ({ input: [], attr: {}, ...each }))];
  const artifacts = {
    format: 'graph-model',
    modelTopology: { node, library: { function: functions }, versions: { producer: 27 } },
    userDefinedMetadata: {
      signature: { inputs: {}, outputs: Object.fromEntries(outputs.map((name) => [name, { name: `${name}:0` }])) },
    },
    weightSpecs: specs,
    weightData: data,
  };
  return loadGraphModelSync({ load: () => artifacts }) as unknown as GraphModel;
}

export function placeholder(name: string, shape: readonly number[], dtype = 'DT_FLOAT'): NodeDef {
  const dim = shape.map((size) => ({ size: String(size) }));
  return { name, op: 'Placeholder', attr: { dtype: { type: dtype }, shape: { shape: { dim } } } };
}
