/**
 * Converts model descriptions from Keras 3's form to Keras 2's, which TensorFlow.js reads. Keras 3 renamed options,
 * nests dtypes and nodes, and gave some functions another meaning.
 */
import { isRecord } from '../checks/is-record.js';

type Json = Readonly<Record<string, unknown>>;

/**
 * Whether Keras 3 wrote the description.
 * @param topology `modelTopology` of a `model.json`
 */
export function isKeras3(topology: unknown): boolean {
  return isRecord(topology) && String(topology.keras_version).startsWith('3.');
}

/**
 * Converts a part of a Keras 3 description to Keras 2's form.
 * @throws Error naming the layer and the argument that it is called with, if TensorFlow.js does not have such calls
 */
export function withKeras2Form(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withKeras2Form);
  if (!isRecord(part)) return part;
  const copy = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, withKeras2Form(value)]));
  if (copy.class_name === 'DTypePolicy') return floatOf((copy.config as Json).name);
  if (typeof copy.class_name !== 'string' || !isRecord(copy.config)) return copy;
  const config = withKeras2Options(copy.class_name, copy.config);
  const name = copy.name ?? config.name;
  const nodes = Array.isArray(copy.inbound_nodes)
    ? copy.inbound_nodes.map((node) => inboundNode(node, String(name)))
    : [];
  return { ...copy, config, ...(copy.inbound_nodes === undefined ? {} : { name, inbound_nodes: nodes }) };
}

/** Replaces half precision by float32, in which the weights are stored or to which they are converted. */
function floatOf(policy: unknown): unknown {
  return typeof policy === 'string' && /^(mixed_)?b?float16$/.test(policy) ? 'float32' : policy;
}

function withKeras2Options(className: string, config: Json): Json {
  const { batch_shape, ...options } = config;
  const changed: Record<string, unknown> = { ...options };
  if (batch_shape !== undefined) changed.batch_input_shape = batch_shape;
  for (const option of ['activation', 'recurrent_activation']) {
    const activation = changed[option];
    if (activation === 'hard_sigmoid') changed[option] = 'hard_sigmoid_relu6';
    if (activation === 'silu') changed[option] = 'swish';
  }
  if (className === 'LeakyReLU' && 'negative_slope' in changed) {
    changed.alpha = changed.negative_slope;
    delete changed.negative_slope;
  }
  if (className === 'Bidirectional') changed.layer = withoutDirection(changed.layer);
  for (const end of ['input_layers', 'output_layers']) {
    const places = changed[end];
    if (Array.isArray(places) && typeof places[0] === 'string') changed[end] = [places];
  }
  return Array.isArray(changed.layers) ? withNodesOfModels(changed, changed.layers) : changed;
}

/** The forward layer under its original name, without the prefix `forward_`, from which its copies are named. */
function withoutDirection(layer: unknown): unknown {
  if (!isRecord(layer) || !isRecord(layer.config)) return layer;
  return { ...layer, config: { ...layer.config, name: String(layer.config.name).replace(/^forward_/, '') } };
}

/** Counts the calls of nested models from 1: in Keras 2 the model's own graph is call 0. */
function withNodesOfModels(config: Json, layers: readonly unknown[]): Json {
  const models = new Set(
    layers.flatMap((each) => (isRecord(each) && isRecord(each.config) && each.config.layers ? [each.name] : [])),
  );
  const counted = (part: unknown): unknown => {
    if (!Array.isArray(part)) return part;
    const [name, node, ...rest] = part;
    return models.has(name) && typeof node === 'number' ? [name, node + 1, ...rest] : part.map(counted);
  };
  return {
    ...config,
    layers: layers.map((each) =>
      isRecord(each) && each.inbound_nodes ? { ...each, inbound_nodes: counted(each.inbound_nodes) } : each,
    ),
    ...(config.output_layers === undefined ? {} : { output_layers: counted(config.output_layers) }),
  };
}

/** The tensors that one call of a layer receives, as `[layer, node, tensor, {}]`. */
function inboundNode(node: unknown, layer: string): unknown {
  if (!isRecord(node)) return node;
  const { args = [], kwargs = {} } = node as { args?: unknown; kwargs?: Json };
  const { initial_state: initialState, ...others } = kwargs;
  for (const [name, value] of Object.entries(others)) {
    if (value === null || value === false) continue;
    throw new Error(
      `loadLayersModel: layer '${layer}' is called with ${name}=${JSON.stringify(value)}, which TensorFlow.js does not support; save the model without it`,
    );
  }
  return [...tensorsIn(args), ...tensorsIn(initialState)].map((place) => [...place, {}]);
}

/** The origins of the tensors in some arguments, as `[layer, node, tensor]`, in their order. */
function tensorsIn(part: unknown): unknown[][] {
  if (Array.isArray(part)) return part.flatMap(tensorsIn);
  if (!isRecord(part)) return [];
  const { class_name, config } = part;
  if (class_name === '__keras_tensor__' && isRecord(config)) return [config.keras_history as unknown[]];
  return Object.values(part).flatMap(tensorsIn);
}
