/**
 * Reads Keras's files: `.h5` of all versions, which holds the model's description as an attribute, and `.keras` of Keras 3
 * and of TensorFlow 2.13 on, a zip of `config.json` and `model.weights.h5`.
 */
import { elementCount } from '@unroll/core';
import { Dataset, File, Group } from 'jsfive';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { firstLine, UnrollError } from '../errors.js';
import { type KerasArchitecture, type KerasLayer, parseKerasArchitecture } from './keras-architecture.js';
import { type KerasSource, weightKinds } from './keras-model.js';
import { unzip } from './unzip.js';

type Bytes = Uint8Array<ArrayBuffer>;

const kerasEntries = new Set(['config.json', 'model.weights.h5']);

/**
 * @param file for errors
 * @throws UnrollError naming the file, and the layer or option that is refused
 */
export function decodeKerasFile(bytes: Bytes, file: string): KerasSource {
  return bytes[0] === 0x50 && bytes[1] === 0x4b ? decodeKerasZip(bytes, file) : decodeH5(bytes, file);
}

function decodeH5(bytes: Bytes, file: string): KerasSource {
  const root = openH5(bytes, file);
  const description = root.attrs.model_config;
  if (typeof description !== 'string') {
    throw new UnrollError(
      `${file}: holds weights without the model's description; save the whole model, with model.save`,
    );
  }
  const architecture = parseKerasArchitecture(parseJson(description, file), file);
  return {
    architecture,
    weight(layer, kind) {
      const group = open(root, `model_weights/${layer.name}`);
      const names = group instanceof Group ? group.attrs.weight_names : undefined;
      const name = Array.isArray(names) ? names.find((path) => kindOf(String(path)) === kind) : undefined;
      return name === undefined ? undefined : tensor(open(root, `model_weights/${layer.name}/${name}`), layer, file);
    },
  };
}

/** The last part of a weight's path, as `kernel` of `lstm/lstm_cell/kernel:0`. */
function kindOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/:\d+$/, '');
}

function decodeKerasZip(bytes: Bytes, file: string): KerasSource {
  const { 'config.json': description, 'model.weights.h5': weights } = unzip(bytes, file, (name) =>
    kerasEntries.has(name),
  );
  if (!description || !weights) {
    throw new UnrollError(`${file}: is a zip without config.json or model.weights.h5; is it a file of Keras's?`);
  }
  const architecture = parseKerasArchitecture(parseJson(new TextDecoder().decode(description), file), file);
  const root = openH5(new Uint8Array(weights), file);
  const folder = root.keys.includes('layers') ? 'layers' : '_layer_checkpoint_dependencies';
  const paths = layerPaths(architecture);
  return {
    architecture,
    weight(layer, kind) {
      const index = weightKinds(layer.className).indexOf(kind);
      return tensor(open(root, `${folder}/${paths.get(layer)}/vars/${index}`), layer, file);
    },
  };
}

/** Keras names a layer's weights by its class and how many of that class stand before it, and not by the layer's name. */
function layerPaths({ layers }: KerasArchitecture): ReadonlyMap<KerasLayer, string> {
  const counts = new Map<string, number>();
  return new Map(
    layers.map((layer): [KerasLayer, string] => {
      const kind = layer.wrapped ? 'time_distributed' : snakeCase(layer.className);
      const count = counts.get(kind) ?? 0;
      counts.set(kind, count + 1);
      const path = count === 0 ? kind : `${kind}_${count}`;
      if (layer.wrapped) return [layer, `${path}/layer`];
      return [layer, weightKinds(layer.className).includes('recurrent_kernel') ? `${path}/cell` : path];
    }),
  );
}

/** `SimpleRNN` → `simple_rnn`, `LSTM` → `lstm`, `SpatialDropout1D` → `spatial_dropout1d`. */
function snakeCase(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}

function openH5(bytes: Bytes, file: string): File {
  try {
    return new File(bytes.buffer, file);
  } catch (error) {
    throw new UnrollError(`${file}: is not a readable HDF5 file (${firstLine(error)}); was it cut off?`);
  }
}

/** What stands at a path; undefined if nothing does. */
function open(group: Group, path: string): Group | Dataset | undefined {
  try {
    return group.get(path) ?? undefined;
  } catch {
    return undefined;
  }
}

function tensor(dataset: Group | Dataset | undefined, layer: KerasLayer, file: string): NamedArray | undefined {
  if (!(dataset instanceof Dataset)) return undefined;
  const { shape, dtype } = dataset;
  const values = /^[<>]f[248]$/.test(String(dtype)) ? valuesOf(dataset) : undefined;
  if (values?.length === elementCount(shape)) return { shape, values: Float32Array.from(values) };
  throw new UnrollError(
    `${file}: a tensor of layer '${layer.name}' cannot be read as floating-point numbers (${String(dtype)}); was the file cut off?`,
  );
}

function valuesOf(dataset: Dataset): number[] | undefined {
  try {
    return dataset.value as number[];
  } catch {
    return undefined;
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnrollError(`${file}: its description of the model is not JSON (${firstLine(error)}); save it again`);
  }
}
