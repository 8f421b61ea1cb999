/**
 * Finds options of a model's description that TensorFlow.js did not read. It skips options that it does not know, and
 * the model then computes something else. The configuration of the loaded layer shows which options were read.
 */

import type { LayersModel } from '@tensorflow/tfjs-layers';
import { isRecord } from '../checks/is-record.js';

type Json = Readonly<Record<string, unknown>>;

/**
 * Options that do not change the computation of a trained layer. Those of initializers and the like are in {@link
 * ofTraining}.
 */
const incidental = new Set([
  ...[
    'name',
    'dtype',
    'trainable',
    'batchInputShape',
    'inputShape',
    'inputLength',
    'inputDim',
    'seed',
    'layer',
    'backwardLayer',
  ],
  ...[
    'renormClipping',
    'renormMomentum',
    'implementation',
    'unroll',
    'useCudnn',
    'stateful',
    'sparse',
    'ragged',
    'optional',
    'noiseShape',
    'autocast',
  ],
]);
const ofTraining = /(Initializer|Regularizer|Constraint)$/;

/** Values at which an option that TensorFlow.js does not know changes nothing. */
const defaults: Readonly<Record<string, unknown>> = { groups: 1, depthMultiplier: 1, dataFormat: 'channels_last' };

/**
 * Checks that TensorFlow.js has read every option of a model's description.
 * @param description the model's description, in Keras 2's form
 * @throws Error naming the first layer with an unread option
 */
export function requireAllRead(description: unknown, model: LayersModel): void {
  const layers = new Map(model.layers.map((layer) => [layer.name, layer]));
  for (const { class_name, config } of layersOf(description)) {
    const layer = layers.get(String(config.name));
    if (!layer) continue;
    if ('layers' in layer) requireAllRead({ class_name, config }, layer as unknown as LayersModel);
    else requireRead(`layer '${layer.name}'`, class_name, config, layer.getConfig() as Json);
  }
}

interface LayerDescription {
  readonly class_name: string;
  readonly config: Json;
}

function layersOf(description: unknown): LayerDescription[] {
  if (!isRecord(description)) return [];
  const { model_config: inner, config } = description;
  if (inner !== undefined) return layersOf(inner);
  const layers = Array.isArray(config) ? config : isRecord(config) ? config.layers : undefined;
  return Array.isArray(layers)
    ? layers.filter((each): each is LayerDescription => isRecord(each) && isRecord(each.config))
    : [];
}

function requireRead(where: string, className: string, described: Json, read: Json): void {
  for (const [key, value] of Object.entries(described)) {
    const option = key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    if (incidental.has(option) || ofTraining.test(option) || isUnused(option, value)) continue;
    const isRead = option in read && (isSame(value, read[option]) || typeof value === 'object');
    if (isRead) continue;
    throw new Error(
      `loadLayersModel: ${where} (${className}) has ${key}=${JSON.stringify(value)}, which TensorFlow.js does not follow; save the model without it`,
    );
  }
  const [inner, innerRead] = [described.layer, read.layer];
  if (isRecord(inner) && isRecord(inner.config) && isRecord(innerRead) && isRecord(innerRead.config)) {
    requireRead(
      `the layer in ${where.slice('layer '.length)}`,
      String(inner.class_name),
      inner.config,
      innerRead.config,
    );
  }
}

/** Whether an option is unused: Keras writes null, false, zero or strides of one for that. */
function isUnused(option: string, value: unknown): boolean {
  const isOnes = Array.isArray(value) && value.every((each) => each === 1);
  return value === null || value === false || value === 0 || isOnes || value === defaults[option];
}

/** Compares names. TensorFlow.js writes camel case where Keras writes underscores. */
function isSame(value: unknown, read: unknown): boolean {
  const text = (each: unknown) => String(each).replaceAll('_', '').toLowerCase();
  return text(value) === text(read);
}
