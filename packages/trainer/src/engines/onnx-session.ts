/** Sessions of ONNX Runtime on one of its execution providers, and tensors for their inputs. */
import { encodeOnnx, type OnnxGraph, type Program, trace } from '@unroll/core';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { option } from '../configuration/option-names.js';
import { firstLine, UnrollError } from '../errors.js';
import { undoingOptimizer } from './cpu-graph.js';
import { inMixedPrecision } from './mixed-precision.js';
import type { ValueShapes } from './peak-bytes.js';
import { withoutSourceLine } from './provider-error.js';
import { refusedOperator } from './provider-support.js';

export interface OnnxRuntimeOptions {
  readonly provider: 'cpu' | 'cuda' | 'webgpu';
  /** Number of threads of one run on the CPU; 0 lets ONNX Runtime choose. */
  readonly threads: number;
}

/**
 * Session options of each provider. On WebGPU no node may run on the CPU: each would cost two copies and a wait in the
 * middle of the step. CUDA's sessions may leave nodes that only compute shapes to the CPU.
 */
const providerOptions = {
  cpu: {
    executionProviders: ['cpu'],
    // The pattern is one block for all values of a run. It makes a step at most 2 % faster and takes a sixth more
    // memory.
    enableMemPattern: false,
    extra: { optimization: { disable_specified_optimizers: undoingOptimizer } },
  },
  cuda: { executionProviders: ['cuda', 'cpu'] },
  webgpu: { executionProviders: ['webgpu'], extra: { session: { disable_cpu_ep_fallback: '1' } } },
} satisfies Record<OnnxRuntimeOptions['provider'], InferenceSession.SessionOptions>;

/** Traces a program into one graph, in the precision that it asks for; with the values' shapes, if that is float32. */
export function tracedProgram({ run, inputs, precision }: Program): OnnxGraph & { readonly values?: ValueShapes } {
  const graph = trace(run, inputs);
  return precision === 'mixed' ? inMixedPrecision(graph) : graph;
}

export function sessionOptions({ provider, threads }: OnnxRuntimeOptions): InferenceSession.SessionOptions {
  return {
    ...providerOptions[provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  };
}

/**
 * Creates a session.
 * @throws UnrollError if the provider cannot run the graph on this machine
 */
export async function createSession(
  graph: OnnxGraph,
  { provider, threads }: OnnxRuntimeOptions,
  outputLocations: Readonly<Record<string, Tensor.DataLocation>> = {},
): Promise<InferenceSession> {
  const options = sessionOptions({ provider, threads });
  try {
    return await InferenceSession.create(encodeOnnx(graph), {
      ...options,
      ...(Object.keys(outputLocations).length > 0 ? { preferredOutputLocation: outputLocations } : {}),
    });
  } catch (error) {
    if (provider === 'cpu') throw error;
    const operator = isRefusal(error) ? await refusedOperator(graph, options) : undefined;
    if (operator !== undefined) {
      throw new UnrollError(
        `ONNX Runtime's ${provider} provider has no ${operator}, which this program needs; use ${option('engine')} onnxruntime`,
        { cause: error },
      );
    }
    throw new UnrollError(
      `ONNX Runtime's ${provider} provider does not start here (${withoutSourceLine(firstLine(error))}); run 'unroll doctor' for what it needs, or use ${option('engine')} onnxruntime`,
      { cause: error },
    );
  }
}

/** Whether the provider started, but refused to leave a node to the CPU. */
function isRefusal(error: unknown): boolean {
  return firstLine(error).includes('fallback to CPU EP has been explicitly disabled');
}

/** Wraps the values of a program's input in a tensor. */
export function inputTensor(
  name: string,
  dtype: string,
  shape: readonly number[],
  values: Float32Array | Int32Array | undefined,
): Tensor {
  if (!values) throw new Error(`the program's input '${name}' was not given`);
  return dtype === 'int32'
    ? new Tensor('int32', values as Int32Array, shape)
    : new Tensor('float32', values as Float32Array, shape);
}
