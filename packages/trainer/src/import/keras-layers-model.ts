/**
 * Builds a layers model of a file of Keras's with any layers that TensorFlow.js has. `.h5` names its weights; `.keras`
 * numbers those of each layer, in a folder that is named by the layer's class.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { loadLayersModel } from '@unroll/core';
import { withZeroInitializers } from '@unroll/core/internal';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { firstLine, UnrollError } from '../errors.js';
import { H5File } from './h5-file.js';
import { unzip } from './unzip.js';

type Layer = LayersModel['layers'][number];
type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Builds the model.
 * @param file its name, for errors
 * @throws UnrollError naming the file, and the layer or tensor that is refused
 */
export async function kerasLayersModel(bytes: Bytes, file: string): Promise<LayersModel> {
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  return (isZip ? modelOfZip(bytes, file) : modelOfH5(bytes, file)).catch((error: unknown) => {
    throw error instanceof UnrollError ? error : new UnrollError(`${file}: ${firstLine(error)}`);
  });
}

async function modelOfH5(bytes: Bytes, file: string): Promise<LayersModel> {
  const h5 = new H5File(bytes, file);
  const description = h5.attribute('', 'model_config');
  if (typeof description !== 'string') {
    throw new UnrollError(`${file}: holds weights without the model's description; save the whole model`);
  }
  const arrays = h5.keys('model_weights').flatMap((layer) => {
    const group = `model_weights/${layer}`;
    const names = [h5.attribute(group, 'weight_names') ?? []].flat().map(String);
    return names.flatMap((name): [string, NamedArray][] => {
      const array = h5.tensor(`${group}/${name}`, `tensor '${name}'`);
      return array ? [[name.replace(/:\d+$/, ''), array]] : [];
    });
  });
  const weightSpecs = arrays.map(([name, { shape }]) => ({ name, shape: [...shape], dtype: 'float32' as const }));
  const weightData = Uint8Array.from(
    Buffer.concat(arrays.map(([, { values }]) => new Uint8Array(Float32Array.from(values).buffer))),
  ).buffer;
  const modelTopology = topology(description, h5.attribute('', 'keras_version'), file);
  return loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
}

async function modelOfZip(bytes: Bytes, file: string): Promise<LayersModel> {
  const wanted = new Set(['config.json', 'metadata.json', 'model.weights.h5']);
  const parts = unzip(bytes, file, (name) => wanted.has(name));
  const { 'config.json': description, 'metadata.json': metadata, 'model.weights.h5': weights } = parts;
  if (!description || !weights) {
    throw new UnrollError(`${file}: is a zip without config.json or model.weights.h5; is it a file of Keras's?`);
  }
  const text = (part: Uint8Array | undefined) => (part ? new TextDecoder().decode(part) : '{}');
  const { keras_version } = JSON.parse(text(metadata)) as { keras_version?: string };
  const modelTopology = withZeroInitializers(topology(text(description), keras_version, file)) as object;
  const model = await loadLayersModel(tf.io.fromMemory({ modelTopology }));
  const h5 = new H5File(new Uint8Array(weights), file);
  const root = h5.keys('').includes('layers') ? 'layers' : '_layer_checkpoint_dependencies';
  for (const [path, layer] of weightPaths(model.layers, root)) {
    const tensors = layer.weights.map(({ shape, name }, k) => {
      const what = `weight ${k} of layer '${layer.name}' (${name})`;
      const array = h5.tensor(`${path}/vars/${k}`, what);
      const fits = array?.shape.join() === shape.join();
      if (array && fits) return tf.tensor(Float32Array.from(array.values), [...array.shape]);
      const found = array ? `is [${array.shape.join(', ')}]` : 'is missing';
      throw new UnrollError(`${file}: ${what} ${found}, the model needs [${shape.join(', ')}]; save the model again`);
    });
    layer.setWeights(tensors);
    for (const tensor of tensors) tensor.dispose();
  }
  return model;
}

function topology(description: string, version: unknown, file: string): object {
  try {
    return { ...(JSON.parse(description) as object), keras_version: String(version ?? '2') };
  } catch (error) {
    throw new UnrollError(`${file}: its description of the model is not JSON (${firstLine(error)}); save it again`);
  }
}

/** Members of layers that hold others; TensorFlow.js declares some private. */
interface Parts {
  readonly layers?: readonly Layer[];
  readonly layer?: Layer;
  readonly cell?: Layer;
  readonly forwardLayer?: Layer;
  readonly backwardLayer?: Layer;
}

/** The layers that own weights, with their folders. Layers of one class are numbered in their order in the model. */
function weightPaths(layers: readonly Layer[], root: string): [string, Layer][] {
  const counts = new Map<string, number>();
  return layers.flatMap((layer) => {
    const kind = snakeCase(layer.getClassName().replace(/^Unroll/, ''));
    const count = counts.get(kind) ?? 0;
    counts.set(kind, count + 1);
    return ownPaths(layer, `${root}/${kind}${count === 0 ? '' : `_${count}`}`);
  });
}

function ownPaths(layer: Layer, path: string): [string, Layer][] {
  const parts = layer as unknown as Parts;
  if (parts.layers) return weightPaths(parts.layers, `${path}/layers`);
  if (parts.forwardLayer) {
    return [
      ...ownPaths(parts.forwardLayer, `${path}/forward_layer`),
      ...ownPaths(parts.backwardLayer!, `${path}/backward_layer`),
    ];
  }
  if (parts.layer) return ownPaths(parts.layer, `${path}/layer`);
  if (layer.weights.length === 0) return [];
  return [[parts.cell ? `${path}/cell` : path, layer]];
}

/** `SimpleRNN` → `simple_rnn`, `SeparableConv2D` → `separable_conv2d`, as Keras does. */
function snakeCase(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
