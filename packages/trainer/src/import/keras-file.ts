/**
 * Reads Keras's files. `.h5` of all versions holds the model's description as an attribute. `.keras`, of Keras 3 and of
 * TensorFlow from 2.13 on, is a zip of `config.json` and `model.weights.h5`.
 */
import { firstLine, UnrollError } from '../errors.js';
import { H5File } from './h5-file.js';
import { type KerasArchitecture, type KerasLayer, parseKerasArchitecture } from './keras-architecture.js';
import { type KerasSource, weightKinds } from './keras-model.js';
import { unzip } from './unzip.js';

type Bytes = Uint8Array<ArrayBuffer>;

const kerasEntries = new Set(['config.json', 'model.weights.h5']);

/**
 * Decodes a file of either kind.
 * @param file its name, for errors
 * @throws UnrollError naming the file, and the layer or option that is refused
 */
export function decodeKerasFile(bytes: Bytes, file: string): KerasSource {
  return bytes[0] === 0x50 && bytes[1] === 0x4b ? decodeKerasZip(bytes, file) : decodeH5(bytes, file);
}

function decodeH5(bytes: Bytes, file: string): KerasSource {
  const h5 = new H5File(bytes, file);
  const description = h5.attribute('', 'model_config');
  if (typeof description !== 'string') {
    const foreign = foreignLayer(h5);
    const why = foreign === undefined ? 'save the whole model, with model.save' : foreign;
    throw new UnrollError(`${file}: holds weights without the model's description; ${why}`);
  }
  const architecture = parseKerasArchitecture(parseJson(description, file), file);
  return {
    architecture,
    weight(layer, kind) {
      const group = `model_weights/${layer.name}`;
      const names = [h5.attribute(group, 'weight_names') ?? []].flat().map(String);
      const name = names.find((path) => kindOf(path) === kind);
      return name === undefined ? undefined : h5.tensor(`${group}/${name}`, `tensor '${layer.name}/${kind}'`);
    },
  };
}

/** Says which layer has weights that no layer here has, such as the attention of textgenrnn; undefined if none does. */
function foreignLayer(h5: H5File): string | undefined {
  const known = new Set<string>(['embeddings', 'kernel', 'recurrent_kernel', 'bias']);
  for (const layer of [h5.attribute('', 'layer_names') ?? []].flat().map(String)) {
    const weights = [h5.attribute(layer, 'weight_names') ?? []].flat().map((name) => kindOf(String(name)));
    const weight = weights.find((kind) => !known.has(kind));
    if (weight !== undefined)
      return `its layer '${layer}' has the weight '${weight}', which no layer of a model here has`;
  }
  return undefined;
}

/** Returns the last part of a weight's path, such as `kernel` for `lstm/lstm_cell/kernel:0`. */
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
  const h5 = new H5File(new Uint8Array(weights), file);
  const folder = h5.keys('').includes('layers') ? 'layers' : '_layer_checkpoint_dependencies';
  const paths = layerPaths(architecture);
  return {
    architecture,
    weight(layer, kind) {
      const index = weightKinds(layer.className).indexOf(kind);
      return h5.tensor(`${folder}/${paths.get(layer)}/vars/${index}`, `tensor '${layer.name}/${kind}'`);
    },
  };
}

/**
 * Returns the path of each layer's weights. Keras names it not by the layer's name, but by its class and the number of
 * earlier layers of that class.
 */
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

/** Converts to snake case: `SimpleRNN` → `simple_rnn`, `LSTM` → `lstm`, `SpatialDropout1D` → `spatial_dropout1d`. */
function snakeCase(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnrollError(`${file}: its description of the model is not JSON (${firstLine(error)}); save it again`);
  }
}
