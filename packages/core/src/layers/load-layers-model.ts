/**
 * Loads models saved by TensorFlow.js or Keras (`model.json` and its weights) with our recurrent layers in place of
 * TensorFlow.js's own. This includes GRUs that reset after the product, which TensorFlow.js refuses.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel as loadWithRegisteredLayers } from '@tensorflow/tfjs-layers';
import { checkBackwardLayer } from './backward-layer.js';
import { Bidirectional } from './bidirectional.js';
import { Embedding } from './embedding.js';
import { GRU } from './gru.js';
import { isKeras3, withKeras2Form } from './keras-3.js';
import { LSTM } from './lstm.js';
import { misfittingWeights, withLayersNames } from './misfitting-weights.js';
import { SimpleRNN } from './simple-rnn.js';
import { requireAllRead } from './unread-options.js';
import { withZeroInitializers } from './zero-initializers.js';

/** Our layers' class names, by Keras's class names. */
const replacements: Readonly<Record<string, string>> = {
  SimpleRNN: SimpleRNN.className,
  LSTM: LSTM.className,
  GRU: GRU.className,
  Bidirectional: Bidirectional.className,
  Embedding: Embedding.className,
};

/** Class names of the layers in whose place ours are loaded. */
export const replacedLayers: ReadonlySet<string> = new Set(Object.keys(replacements));

/**
 * Loads a saved model.
 * @param source a URL of `model.json`, or any handler of `tf.io`
 * @returns a model that trains with `fit` and saves with `save`, from where `tf.loadLayersModel` loads it too
 * @throws Error naming an option that is not supported, or a tensor that does not fit its layer
 * @example
 * const model = await loadLayersModel('https://example.org/tagger/model.json');
 */
export async function loadLayersModel(source: string | tf.io.IOHandler): Promise<LayersModel> {
  const handler = typeof source === 'string' ? handlerOf(source) : source;
  if (!handler.load) throw new Error('loadLayersModel: the handler cannot load; give one that has a load method');
  const artifacts = await handler.load().catch((error: unknown) => {
    throw typeof source === 'string'
      ? new Error(
          `loadLayersModel: ${source} cannot be loaded (${firstLine(error)}); give the URL of a model.json, or a handler of tf.io`,
          { cause: error },
        )
      : error;
  });
  const described = isKeras3(artifacts.modelTopology)
    ? withKeras2Form(artifacts.modelTopology)
    : artifacts.modelTopology;
  const modelTopology = withOurLayers(described) as object;
  const weightSpecs = await checkedSpecs(withZeroInitializers(modelTopology) as object, artifacts.weightSpecs ?? []);
  return loadWithRegisteredLayers(tf.io.fromMemory({ ...artifacts, weightSpecs, modelTopology }));
}

/**
 * The weights' specifications, renamed as the model's layers name them. Builds the model without weights to check names
 * and shapes.
 */
async function checkedSpecs(
  modelTopology: object,
  specs: tf.io.WeightsManifestEntry[],
): Promise<tf.io.WeightsManifestEntry[]> {
  const noWeights = { weightSpecs: [], weightData: new ArrayBuffer(0) };
  const handler = tf.io.fromMemory({ modelTopology, ...noWeights });
  const model = await loadWithRegisteredLayers(handler, { strict: false }).catch((error: unknown) => {
    // Drops the list of possible reasons that TensorFlow.js appends.
    const reason = firstLine(error).replace(/ This may be due to .*/, '');
    throw new Error(`loadLayersModel: ${reason}`, { cause: error });
  });
  requireAllRead(modelTopology, model);
  const named = withLayersNames(model, specs);
  const misfit = misfittingWeights(model, named);
  if (misfit !== undefined) throw new Error(`loadLayersModel: ${misfit}`);
  model.dispose();
  return named;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0]!;
}

function handlerOf(url: string): tf.io.IOHandler {
  const [handler] = tf.io.getLoadHandlers(url);
  return handler ?? tf.io.browserHTTPRequest(url);
}

/**
 * Copies a model's description, or a part of it, with the class names replaced. TensorFlow.js writes Keras's snake
 * case.
 */
function withOurLayers(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withOurLayers);
  if (typeof part !== 'object' || part === null) return part;
  const copy = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, withOurLayers(value)]));
  if (copy.class_name === 'Bidirectional') checkBackwardLayer(copy.config);
  const replacement = typeof copy.class_name === 'string' ? replacements[copy.class_name] : undefined;
  if (!replacement) return copy;
  // A description without this option dates from when only the reset-before variant existed.
  const config = copy.class_name === 'GRU' ? { reset_after: false, ...(copy.config as object) } : copy.config;
  return { ...copy, class_name: replacement, config };
}
