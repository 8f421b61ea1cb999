/**
 * Interprets the description of a Keras model, `model_config` or `config.json`: finds the embedding, the recurrent
 * layers and the output among its layers. Every option is accepted or refused by name. Options of training
 * (initializers, regularizers, dropout) do not matter to a trained model. The others must have the value with which the
 * model computes what ours does.
 */
import type { ClassicCell } from '@unroll/core/config';
import { z } from 'zod';
import { UnrollError } from '../errors.js';

export interface KerasLayer {
  /** The layer's own name, or the name of the `TimeDistributed` around it. */
  readonly name: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Whether the layer is inside a `TimeDistributed`. */
  readonly wrapped: boolean;
}

export interface KerasArchitecture {
  readonly embedding: KerasLayer;
  readonly recurrent: readonly KerasLayer[];
  readonly cell: ClassicCell;
  readonly output: KerasLayer;
  /** All layers, in the model's order. */
  readonly layers: readonly KerasLayer[];
}

const layerSchema = z.object({
  /** The module in which Keras 3 finds the class. */
  module: z.string().nullish(),
  class_name: z.string(),
  config: z.looseObject({ name: z.string().optional() }),
  inbound_nodes: z.array(z.unknown()).optional(),
});

type DescribedLayer = z.infer<typeof layerSchema>;

const modelSchema = z.object({
  class_name: z.string(),
  // A plain list in Keras 1 and in TensorFlow.js.
  config: z.union([
    z.array(layerSchema).transform((layers) => ({ layers, output_layers: undefined })),
    z.object({ layers: z.array(layerSchema), output_layers: z.unknown().optional() }),
  ]),
});

const cells: Readonly<Record<string, ClassicCell>> = { SimpleRNN: 'rnn', LSTM: 'lstm', GRU: 'gru' };

/** Layers that, once trained, pass their inputs through unchanged. */
const passive = ['InputLayer', 'Dropout', 'SpatialDropout1D'];

/**
 * Options of any layer that do not affect what a trained model computes; those of initializers and the like match
 * `ofTraining`.
 */
const incidental = ['name', 'trainable', 'batch_input_shape', 'batch_shape', 'input_length', 'input_dim', 'seed'];
const ofTraining = /_(initializer|regularizer|constraint)$/;
/** Precisions of computation whose weights are float32 or can become it; quantized ones are not among them. */
const precisions = ['float32', 'float64', 'float16', 'bfloat16', 'mixed_float16', 'mixed_bfloat16'];

interface KnownOptions {
  /** Options that are read, or that do not matter. */
  readonly free: readonly string[];
  /** Options that matter, and their permitted values. */
  readonly fixed: Readonly<Record<string, readonly unknown[]>>;
}

const recurrent: KnownOptions = {
  free: [
    ...['units', 'use_bias', 'return_sequences', 'stateful', 'unroll', 'implementation', 'use_cudnn', 'dropout'],
    // No model here has a mask; without one, this option has no effect.
    ...['recurrent_dropout', 'zero_output_for_mask'],
  ],
  fixed: { activation: ['tanh'], go_backwards: [false], time_major: [false], return_state: [false] },
};
const gated: KnownOptions = { ...recurrent, fixed: { ...recurrent.fixed, recurrent_activation: ['sigmoid'] } };

/**
 * The known options, by class. In Keras, an option that is absent, null or false is not used. The exception is
 * `reset_after`, which must be given: Keras 1 had only the other variant.
 */
const supported: Readonly<Record<string, KnownOptions>> = {
  Embedding: { free: ['output_dim'], fixed: {} },
  SimpleRNN: recurrent,
  LSTM: { ...gated, free: [...gated.free, 'unit_forget_bias'] },
  GRU: { ...gated, fixed: { ...gated.fixed, reset_after: [true] } },
  Dense: { free: ['units', 'use_bias'], fixed: { activation: ['linear', 'softmax'] } },
  Activation: { free: [], fixed: { activation: ['linear', 'softmax'] } },
  InputLayer: { free: ['sparse', 'ragged', 'optional', 'dtype'], fixed: {} },
  Dropout: { free: ['rate', 'noise_shape'], fixed: {} },
  SpatialDropout1D: { free: ['rate', 'noise_shape'], fixed: {} },
};

/**
 * Parses a model's description.
 * @param description the parsed JSON
 * @param file its name, for errors
 * @throws UnrollError naming the layer or the option that such a model cannot have
 */
export function parseKerasArchitecture(description: unknown, file: string): KerasArchitecture {
  const parsed = modelSchema.safeParse(description);
  if (!parsed.success || !['Sequential', 'Functional', 'Model'].includes(parsed.data.class_name)) {
    throw new UnrollError(
      `${file}: describes no Sequential or Functional model of Keras; save such a one, with model.save`,
    );
  }
  const { layers: described, output_layers } = parsed.data.config;
  requireChain(described, output_layers, file);
  const layers = described.map((layer) => kerasLayer(layer, file));
  for (const layer of layers) requireSupported(layer, file);

  const active = layers.filter(({ className }) => !passive.includes(className));
  const [embedding, ...rest] = active.filter(({ className }) => className !== 'Activation');
  const output = rest.pop();
  const isModel =
    active.every(({ className }, index) => className !== 'Activation' || index === active.length - 1) &&
    embedding?.className === 'Embedding' &&
    output?.className === 'Dense' &&
    rest.length > 0 &&
    rest.every(({ className }) => className === rest[0]!.className && className in cells);
  if (!isModel) {
    const first = active[0];
    if (first && first.className in cells) {
      throw new UnrollError(
        `${file}: its first layer '${first.name}' (${first.className}) reads one-hot vectors, as in Keras's lstm_text_generation; a language model here begins with an Embedding: train it with one`,
      );
    }
    const order = active.map(({ className }) => className).join(', ');
    throw new UnrollError(
      `${file}: has the layers ${order}; a language model here is an Embedding, then recurrent layers of one kind (SimpleRNN, LSTM or GRU), then one Dense`,
    );
  }
  return { embedding, recurrent: rest, cell: cells[rest[0]!.className]!, output, layers };
}

/** Returns a layer's description, unwrapped from its `TimeDistributed`. Our own layers have Keras's names with a prefix. */
function kerasLayer({ class_name, config, module }: DescribedLayer, file: string): KerasLayer {
  const name = config.name ?? class_name;
  if (module && !/^(tf_)?keras(\.|$)|^tensorflow(\.|$)/.test(module)) {
    throw new UnrollError(
      `${file}: layer '${name}' is a ${class_name} of '${module}', not of Keras, which is not supported`,
    );
  }
  const inner = class_name === 'TimeDistributed' ? layerSchema.safeParse(config.layer) : undefined;
  if (inner?.success) return { ...kerasLayer(inner.data, file), name, wrapped: true };
  const className = class_name.replace(/^Unroll/, '').replace(/^Linear$/, 'Dense');
  return { name, className, config, wrapped: false };
}

function requireSupported({ name, className, config }: KerasLayer, file: string): void {
  const known = supported[className];
  if (!known) {
    throw new UnrollError(
      `${file}: layer '${name}' is a ${className}, which no model here has; supported are ${Object.keys(supported).join(', ')}`,
    );
  }
  const { free, fixed } = known;
  const options = className === 'GRU' ? { ...config, reset_after: config.reset_after ?? false } : config;
  for (const [option, value] of Object.entries(options)) {
    if (free.includes(option) || incidental.includes(option) || ofTraining.test(option) || value == null) continue;
    const values = option === 'dtype' ? precisions : (fixed[option] ?? [false]);
    if (values.includes(option === 'dtype' ? precisionOf(value) : value)) continue;
    throw new UnrollError(
      `${file}: layer '${name}' (${className}) has ${option}=${JSON.stringify(value)}, which is not supported; only ${values.map((each) => JSON.stringify(each)).join(' or ')} is`,
    );
  }
}

/**
 * Returns the name in a policy of Keras 3, `{ class_name: 'DTypePolicy', config: { name: 'float32' } }`, or the dtype
 * itself.
 */
function precisionOf(dtype: unknown): unknown {
  const policy = z
    .object({ class_name: z.literal('DTypePolicy'), config: z.object({ name: z.string() }) })
    .safeParse(dtype);
  return policy.success ? policy.data.config.name : dtype;
}

/**
 * Checks that the layers form a chain.
 * @throws UnrollError naming a layer whose only input is not the previous layer, or that is called with other arguments
 */
function requireChain(layers: readonly DescribedLayer[], outputs: unknown, file: string): void {
  for (const [index, { inbound_nodes: nodes, config }] of layers.entries()) {
    if (nodes === undefined || nodes.length === 0) continue;
    const sources = inboundLayers(nodes);
    if (sources.length !== 1 || sources[0] !== layers[index - 1]?.config.name) {
      throw new UnrollError(
        `${file}: layer '${config.name}' takes ${sources.join(', ')}, expected the layer before it alone; models with branches are not supported`,
      );
    }
    const used = Object.entries(callArguments(nodes)).find(([, value]) => value !== null && value !== false);
    if (used === undefined) continue;
    throw new UnrollError(
      `${file}: layer '${config.name}' is called with ${used[0]}=${JSON.stringify(used[1])}, which is not supported; build the model without it`,
    );
  }
  const last = layers.at(-1)?.config.name;
  const others = inboundLayers(outputs).filter((name) => name !== last);
  if (others.length > 0) {
    throw new UnrollError(
      `${file}: its outputs are those of ${others.join(', ')}, expected the last layer's alone; save a model without them`,
    );
  }
}

/** Returns the arguments of a layer's call besides its input: at the end of a triple in Keras 2, in `kwargs` in Keras 3. */
function callArguments(part: unknown): object {
  if (Array.isArray(part)) {
    return typeof part[0] === 'string'
      ? { ...(part[3] as object | undefined) }
      : Object.assign({}, ...part.map(callArguments));
  }
  return typeof part === 'object' && part !== null && 'kwargs' in part ? { ...(part.kwargs as object) } : {};
}

/** Returns the layer names in triples `[layer, node, tensor]`, by which all versions of Keras describe a layer's inputs. */
function inboundLayers(part: unknown): string[] {
  if (Array.isArray(part)) {
    const [name, node, tensor] = part as readonly unknown[];
    if (typeof name === 'string' && typeof node === 'number' && typeof tensor === 'number') return [name];
    return part.flatMap(inboundLayers);
  }
  return typeof part === 'object' && part !== null ? Object.values(part).flatMap(inboundLayers) : [];
}
