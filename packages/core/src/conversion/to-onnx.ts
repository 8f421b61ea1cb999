/**
 * `toOnnx`: converts a model of TensorFlow.js into ONNX: a layers model, or a graph model, as TensorFlow.js's converter
 * makes them of SavedModels. Runs wherever TensorFlow.js does, and needs no Python.
 */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { OnnxGraph } from '../onnx/graph.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { TraceBackend, TraceError } from '../tracing/backend.js';
import { numbersAdvice, withOpenSizes } from '../tracing/open-sizes.js';
import { type OpenSize, unknownSizes } from '../tracing/size-samples.js';
import { traceOn } from '../tracing/trace.js';
import { type GraphModel, graphModelSource, isGraphModel } from './graph-model.js';
import { layersModelSource } from './layers-model.js';
import type { ModelInput, ModelSource } from './model-source.js';
import { encodeForOpset } from './opset.js';

export interface ToOnnxOptions {
  /**
   * Shapes of inputs by name, in place of the model's own. A number fixes a size, and a name, such as `batch`, leaves
   * it open: inputs that share a name must agree. By default, the sizes that the model does not fix are open.
   */
  readonly shapes?: Readonly<Record<string, readonly (number | string)[]>>;
  /** Version of ONNX's operators, 15 to 21; default 17. */
  readonly opset?: number;
  /** Stored with the model as key-value pairs. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Converts a model.
 * @param model a model that `tf.loadLayersModel`, `tf.loadGraphModel` or `loadLayersModel` returned, or that was made
 * of layers; it stays as it is
 * @returns the bytes of an ONNX file; inputs and outputs have the model's names
 * @throws TraceError naming the operation that cannot be converted, or whose sizes cannot be left open
 * @example
 * const model = await tf.loadGraphModel('mobilenet/model.json');
 * const session = await ort.InferenceSession.create(await toOnnx(model));
 */
export async function toOnnx(model: LayersModel | GraphModel, options: ToOnnxOptions = {}): Promise<Uint8Array> {
  const { opset = 17, metadata = {} } = options;
  const graph = await convertedGraph(model, options);
  return encodeForOpset(graph, opset, { 'converted from': 'TensorFlow.js', ...metadata });
}

/** {@link toOnnx} as a graph, to be rewritten before it is encoded. */
export async function convertedGraph(
  model: LayersModel | GraphModel,
  { shapes = {} }: Pick<ToOnnxOptions, 'shapes'> = {},
): Promise<OnnxGraph> {
  const source = isGraphModel(model) ? graphModelSource(model) : await layersModelSource(model);
  const open = openShapes(source.inputs, shapes);
  try {
    return openGraph(source, open);
  } catch (error) {
    if (!(error instanceof TraceError) || !error.message.endsWith(numbersAdvice)) throw error;
    const list = Array.from(open, ([name, shape]) => `${name} [${shape.join(', ')}]`);
    throw new TraceError(`${error.message}: ${list.join(', ')}`, { cause: error });
  } finally {
    source.dispose();
  }
}

function openGraph(source: ModelSource, shapes: ReadonlyMap<string, readonly (number | string)[]>): OnnxGraph {
  const traced = (sizes: Readonly<Record<string, number>>, trial: number) => {
    const specs = source.inputs.map(({ name, dtype }) => {
      const shape = shapes.get(name)!.map((size) => (typeof size === 'number' ? size : sizes[size]!));
      return [name, { shape, dtype }] as const;
    });
    const backend = new TraceBackend({ unknownSize: unknownSizes(trial) });
    try {
      return traceOn(backend, (inputs: NamedTensors) => source.run(inputs, backend), Object.fromEntries(specs));
    } catch (error) {
      throw withSizes(error, sizes);
    }
  };
  const graph = withOpenSizes(openSizes(shapes), traced, source.sizes);
  const unread = graph.inputs.find(({ name }) => !shapes.has(name));
  if (unread) throw new TraceError(`the graph has an input '${unread.name}' that the model does not have`);
  return graph;
}

/** An error of TensorFlow.js, such as for sizes that do not fit one another, with the sizes that were tried. */
function withSizes(error: unknown, sizes: Readonly<Record<string, number>>): unknown {
  const tried = Object.entries(sizes).map(([name, size]) => `${name} ${size}`);
  if (error instanceof TraceError || !(error instanceof Error) || tried.length === 0) return error;
  const why = error.message.split('\n')[0];
  return new TraceError(`the model does not run with ${tried.join(', ')} (${why}); ${numbersAdvice}`, { cause: error });
}

/** The shapes of all inputs, with a name for each size that is open. */
function openShapes(inputs: readonly ModelInput[], given: NonNullable<ToOnnxOptions['shapes']>) {
  const names = inputs.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new TraceError(`the model has no input '${unknown}', but ${names.map((name) => `'${name}'`).join(', ')}`);
  }
  return new Map(
    inputs.map((input) => {
      const shape = given[input.name] ?? defaultShape(input, inputs.length > 1);
      if (input.shape && shape.length !== input.shape.length) {
        throw new TraceError(
          `the shape [${shape.join(', ')}] of input '${input.name}' does not have ${input.shape.length} sizes`,
        );
      }
      return [input.name, shape];
    }),
  );
}

function defaultShape({ name, shape }: ModelInput, isOneOfMany: boolean): (number | string)[] {
  if (!shape) {
    throw new TraceError(`the model does not say how many dimensions its input '${name}' has; give its shape`);
  }
  return shape.map((size, axis) => {
    if (size !== null && size >= 0) return size;
    if (axis === 0) return 'batch';
    const dimension = shape.length < 4 && axis === 1 ? 'time' : `size${axis}`;
    return isOneOfMany ? `${name}.${dimension}` : dimension;
  });
}

/** Sizes of images are traced with many pixels, so that strides leave some. */
function openSizes(shapes: ReadonlyMap<string, readonly (number | string)[]>): OpenSize[] {
  const least = new Map<string, number>();
  for (const shape of shapes.values()) {
    for (const [axis, size] of shape.entries()) {
      if (typeof size !== 'string') continue;
      const smallest = shape.length >= 4 && axis > 0 ? 211 : 11;
      least.set(size, Math.max(smallest, least.get(size) ?? 0));
    }
  }
  return [...least].map(([name, smallest]) => ({ name, least: smallest }));
}
