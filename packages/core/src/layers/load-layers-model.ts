/**
 * Loads models that TensorFlow.js or Keras saved (`model.json` and its weights), with our recurrent layers in the places of
 * TensorFlow.js's own: also such as those refuse, GRUs that reset after.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel as loadWithRegisteredLayers } from '@tensorflow/tfjs-layers';
import { checkBackwardLayer } from './backward-layer.js';
import { Embedding } from './embedding.js';
import { GRU } from './gru.js';
import { LSTM } from './lstm.js';
import { misfittingWeights } from './misfitting-weights.js';
import { SimpleRNN } from './simple-rnn.js';

/** By Keras's class names. */
const replacements: Readonly<Record<string, string>> = {
  SimpleRNN: SimpleRNN.className,
  LSTM: LSTM.className,
  GRU: GRU.className,
  Embedding: Embedding.className,
};

/**
 * @param source a URL of `model.json`, or any handler of `tf.io`
 * @returns a model that trains with `fit` and saves with `save`, from where `tf.loadLayersModel` loads it too
 * @throws Error naming an option of a recurrent layer that is not supported, or a tensor that does not fit its layer
 * @example
 * const model = await loadLayersModel('https://example.org/tagger/model.json');
 */
export async function loadLayersModel(source: string | tf.io.IOHandler): Promise<LayersModel> {
  const handler = typeof source === 'string' ? handlerOf(source) : source;
  if (!handler.load) throw new Error('loadLayersModel: the handler cannot load; give one that has a load method');
  const artifacts = await handler.load();
  const modelTopology = withOurLayers(artifacts.modelTopology) as object;
  try {
    return await loadWithRegisteredLayers(tf.io.fromMemory({ ...artifacts, modelTopology }));
  } catch (error) {
    const misfit = await loadWithRegisteredLayers(tf.io.fromMemory({ modelTopology })).then(
      (model) => misfittingWeights(model, artifacts.weightSpecs),
      () => undefined,
    );
    throw misfit === undefined ? error : new Error(`loadLayersModel: ${misfit}`, { cause: error });
  }
}

function handlerOf(url: string): tf.io.IOHandler {
  const [handler] = tf.io.getLoadHandlers(url);
  return handler ?? tf.io.browserHTTPRequest(url);
}

/** A model's description, or a part of it, with the class names replaced. TensorFlow.js writes Keras's snake case. */
function withOurLayers(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withOurLayers);
  if (typeof part !== 'object' || part === null) return part;
  const copy = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, withOurLayers(value)]));
  if (copy.class_name === 'Bidirectional') checkBackwardLayer(copy.config);
  const replacement = typeof copy.class_name === 'string' ? replacements[copy.class_name] : undefined;
  if (!replacement) return copy;
  // A description that does not say is of a time when there was only one variant.
  const config = copy.class_name === 'GRU' ? { reset_after: false, ...(copy.config as object) } : copy.config;
  return { ...copy, class_name: replacement, config };
}
