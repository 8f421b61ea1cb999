/**
 * What the description of a Keras model says, `model_config` or `config.json`: which of its layers are the embedding, the
 * recurrent layers and the output. An option with which the model would compute something else than ours is refused by
 * name; those of training (initializers, regularizers, dropout) do not matter to a model that is trained.
 */
import type { Cell } from '@unroll/core';
import { z } from 'zod';
import { UnrollError } from '../errors.js';

export interface KerasLayer {
  /** The layer's own name, or that of the `TimeDistributed` around it. */
  readonly name: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Whether it stands in a `TimeDistributed`. */
  readonly wrapped: boolean;
}

export interface KerasArchitecture {
  readonly embedding: KerasLayer;
  readonly recurrent: readonly KerasLayer[];
  readonly cell: Cell;
  readonly output: KerasLayer;
  /** All of them, as the model lists them. */
  readonly layers: readonly KerasLayer[];
}

const layerSchema = z.object({
  class_name: z.string(),
  config: z.looseObject({ name: z.string().optional() }),
  inbound_nodes: z.array(z.unknown()).optional(),
});

type DescribedLayer = z.infer<typeof layerSchema>;

const modelSchema = z.object({
  class_name: z.string(),
  // A list in Keras 1 and in TensorFlow.js.
  config: z.union([z.array(layerSchema), z.object({ layers: z.array(layerSchema) }).transform(({ layers }) => layers)]),
});

const cells: Readonly<Record<string, Cell>> = { SimpleRNN: 'rnn', LSTM: 'lstm', GRU: 'gru' };

/** Layers that a trained model passes its inputs through unchanged. */
const passive = ['InputLayer', 'Dropout', 'SpatialDropout1D'];

/**
 * For each class the options that matter, and the values that they may have; null, or leaving an option out, is Keras's
 * way of saying that it is not used, but `reset_after` must be said: Keras 1 knew only the other variant.
 */
const recurrentOptions = { activation: ['tanh'], go_backwards: [false], time_major: [false], return_state: [false] };
const supported: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>> = {
  Embedding: { mask_zero: [false], lora_rank: [] },
  SimpleRNN: recurrentOptions,
  LSTM: { ...recurrentOptions, recurrent_activation: ['sigmoid'] },
  GRU: { ...recurrentOptions, recurrent_activation: ['sigmoid'], reset_after: [true] },
  Dense: { activation: ['linear', 'softmax'], lora_rank: [] },
  Activation: { activation: ['linear', 'softmax'] },
};

/**
 * @param description the parsed JSON
 * @param file for errors
 * @throws UnrollError naming the layer that does not belong into such a model, or its option
 */
export function parseKerasArchitecture(description: unknown, file: string): KerasArchitecture {
  const parsed = modelSchema.safeParse(description);
  if (!parsed.success || !['Sequential', 'Functional', 'Model'].includes(parsed.data.class_name)) {
    throw new UnrollError(
      `${file}: describes no Sequential or Functional model of Keras; save such a one, with model.save`,
    );
  }
  const described = parsed.data.config;
  requireChain(described, file);
  const layers = described.map(kerasLayer);
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
    const order = active.map(({ className }) => className).join(', ');
    throw new UnrollError(
      `${file}: has the layers ${order}; a language model here is an Embedding, then recurrent layers of one kind (SimpleRNN, LSTM or GRU), then one Dense`,
    );
  }
  return { embedding, recurrent: rest, cell: cells[rest[0]!.className]!, output, layers };
}

/** A layer's description, out of its `TimeDistributed`. Layers of ours have Keras's names with a prefix. */
function kerasLayer({ class_name, config }: DescribedLayer): KerasLayer {
  const name = config.name ?? class_name;
  const inner = class_name === 'TimeDistributed' ? layerSchema.safeParse(config.layer) : undefined;
  if (inner?.success) return { ...kerasLayer(inner.data), name, wrapped: true };
  const className = class_name.replace(/^Unroll/, '').replace(/^Linear$/, 'Dense');
  return { name, className, config, wrapped: false };
}

function requireSupported({ name, className, config }: KerasLayer, file: string): void {
  const options = supported[className];
  if (!options) {
    if (passive.includes(className)) return;
    throw new UnrollError(
      `${file}: layer '${name}' is a ${className}, which no model here has; supported are ${Object.keys(supported).join(', ')} and dropout`,
    );
  }
  for (const [option, values] of Object.entries(options)) {
    const value = option === 'reset_after' ? (config[option] ?? false) : config[option];
    if (value === undefined || value === null || values.includes(value)) continue;
    const remedy = values.length > 0 ? `only ${values.map((each) => JSON.stringify(each)).join(' or ')}` : 'only null';
    throw new UnrollError(
      `${file}: layer '${name}' (${className}) has ${option}=${JSON.stringify(value)}, which is not supported; ${remedy} is`,
    );
  }
}

/** @throws UnrollError naming a layer whose input is not the one layer before it */
function requireChain(layers: readonly DescribedLayer[], file: string): void {
  for (const [index, { inbound_nodes: nodes, config }] of layers.entries()) {
    if (nodes === undefined || nodes.length === 0) continue;
    const sources = inboundLayers(nodes);
    if (sources.length === 1 && sources[0] === layers[index - 1]?.config.name) continue;
    throw new UnrollError(
      `${file}: layer '${config.name}' takes ${sources.join(', ')}, expected the layer before it alone; models with branches are not supported`,
    );
  }
}

/** The names in the triples `[layer, node, tensor]` by which Keras, in any version, says where a layer's inputs come from. */
function inboundLayers(part: unknown): string[] {
  if (Array.isArray(part)) {
    const [name, node, tensor] = part as readonly unknown[];
    if (typeof name === 'string' && typeof node === 'number' && typeof tensor === 'number') return [name];
    return part.flatMap(inboundLayers);
  }
  return typeof part === 'object' && part !== null ? Object.values(part).flatMap(inboundLayers) : [];
}
