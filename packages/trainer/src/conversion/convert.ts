/** Converts a saved model of TensorFlow.js or Keras into an ONNX file, and checks the file against the model. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { loadGraphModelSync } from '@tensorflow/tfjs-converter';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { type GraphModel, loadLayersModel, TraceError } from '@unroll/core';
import { convertedGraph, encodeForOpset } from '@unroll/core/internal';
import type { OnnxGraph } from '@unroll/core/onnx';
import { quantize, quantizeKernels } from '@unroll/edge-runtime';
import { firstLine, UnrollError } from '../errors.js';
import { writeNewFile } from '../files/new-file.js';
import { kerasLayersModel } from '../import/keras-layers-model.js';
import { isUrl, modelFile, readModelArtifacts } from '../import/model-artifacts.js';
import { readWholeFile } from '../import/read-file.js';
import { type Comparison, compare, predictionOf } from './compare.js';

export interface ConversionRequest {
  /** A folder, a file or a URL. */
  readonly model: string;
  readonly out: string;
  readonly opset: number;
  readonly quantize: 'none' | 'int8' | 'int4';
  /** Shapes of inputs by name, in place of the model's own. */
  readonly shapes: Readonly<Record<string, readonly (number | string)[]>>;
  /** Whether to run both models and compare their outputs. */
  readonly check: boolean;
}

export interface ConversionResult {
  readonly out: string;
  readonly bytes: number;
  readonly operators: number;
  readonly inputs: OnnxGraph['inputs'];
  readonly outputs: OnnxGraph['outputs'];
  readonly comparison: Comparison | undefined;
}

/** The largest difference from TensorFlow.js with which a float32 model is written. */
const tolerance = 1e-4;

/** @throws UnrollError naming the file, operation or output; the signal's reason when it aborts */
export async function convertModel(request: ConversionRequest, signal: AbortSignal): Promise<ConversionResult> {
  tf.enableProdMode();
  await tf.setBackend('cpu');
  const file = await modelFile(request.model);
  const model = await loadModel(file, signal);
  const graph = await convertedGraph(model, request).catch((error: unknown) => {
    throw new UnrollError(`${file}: ${whyNot(error)}`);
  });
  const written = quantized(graph, request.quantize);
  const bytes = encoded(written, request.opset);
  const comparison = request.check ? await compare(bytes, graph, predictionOf(model)) : undefined;
  signal.throwIfAborted();
  if (comparison && request.quantize === 'none' && !(comparison.difference <= tolerance)) {
    throw new UnrollError(
      `${file}: output '${comparison.output}' differs by ${comparison.difference.toPrecision(2)} from TensorFlow.js's; nothing was written (--no-check writes it), please report it`,
    );
  }
  await writeNewFile(request.out, [bytes]);
  const { inputs, outputs, nodes } = written;
  return { out: request.out, bytes: bytes.length, operators: nodes.length, inputs, outputs, comparison };
}

async function loadModel(file: string, signal: AbortSignal): Promise<LayersModel | GraphModel> {
  if (!isUrl(file) && /\.(h5|hdf5|keras)$/.test(file)) {
    return kerasLayersModel(await readWholeFile(file, signal), file);
  }
  const { artifacts, kind } = await readModelArtifacts(file, signal);
  try {
    if (kind === 'layers-model') return await loadLayersModel(tf.io.fromMemory(artifacts));
    return loadGraphModelSync({ load: () => artifacts }) as unknown as GraphModel;
  } catch (error) {
    throw new UnrollError(`${file}: ${firstLine(error).replace(/^loadLayersModel: /, '')}`);
  }
}

function whyNot(error: unknown): string {
  const line = firstLine(error);
  if (!(error instanceof TraceError)) return `cannot be converted: ${line}`;
  return line.replace(/give the inputs' shapes as numbers: (.*)$/, (_, shapes: string) => {
    return `give numbers for it with --shape, in place of ${shapes.replaceAll(/ \[([^\]]*)\]/g, (_, sizes: string) => `=${sizes.replaceAll(' ', '')}`)}`;
  });
}

function quantized(graph: OnnxGraph, scheme: ConversionRequest['quantize']): OnnxGraph {
  if (scheme === 'none') return graph;
  return quantizeKernels(quantize(graph, () => (scheme === 'int4' ? 'int4' : 'int8-weights')));
}

function encoded(graph: OnnxGraph, opset: number): Uint8Array {
  try {
    return encodeForOpset(graph, opset, { 'converted from': 'TensorFlow.js' });
  } catch (error) {
    if (error instanceof RangeError) throw new UnrollError(`--opset: ${error.message}`);
    throw error;
  }
}
