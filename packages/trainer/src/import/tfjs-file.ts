/** Reads what TensorFlow.js's `model.save` wrote: `model.json`, and the files of weights beside it. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { z } from 'zod';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { firstLine, UnrollError } from '../errors.js';
import { parseKerasArchitecture } from './keras-architecture.js';
import type { KerasSource } from './keras-model.js';
import { readWholeFile } from './read-file.js';

const modelSchema = z.object({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string().regex(/^[^/\\]+$/, 'must be a file beside model.json')),
      weights: z.array(z.custom<tf.io.WeightsManifestEntry>((entry) => typeof entry === 'object' && entry !== null)),
    }),
  ),
});

/**
 * @param file the path of `model.json`
 * @throws UnrollError naming the file, and the layer or option that is refused; the signal's reason when it aborts
 */
export async function readTensorFlowJsModel(file: string, signal: AbortSignal): Promise<KerasSource> {
  const { modelTopology, weightsManifest } = await readModelJson(file, signal);
  // Converters from Keras put the description one level deeper.
  const architecture = parseKerasArchitecture(modelTopology.model_config ?? modelTopology, file);
  const tensors = new Map<string, NamedArray>();
  const files = weightsManifest.flatMap(({ paths }) => paths);
  const repeated = files.find((path, index) => files.indexOf(path) < index);
  if (repeated !== undefined) throw new UnrollError(`${file}: lists ${repeated} twice; save the model again`);
  for (const { paths, weights } of weightsManifest) {
    const parts = await Promise.all(paths.map((path) => readWholeFile(join(dirname(file), path), signal)));
    for (const [name, tensor] of await decodeWeights(Buffer.concat(parts), weights, file)) tensors.set(name, tensor);
  }
  return {
    architecture,
    weight(layer, kind) {
      // Keras 3 begins with the model's name.
      const isIt = (name: string) => `/${name}`.includes(`/${layer.name}/`) && name.endsWith(`/${kind}`);
      return [...tensors].find(([name]) => isIt(name))?.[1];
    },
  };
}

async function readModelJson(file: string, signal: AbortSignal): Promise<z.infer<typeof modelSchema>> {
  const text = await readFile(file, { encoding: 'utf8', signal }).catch((error: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    throw new UnrollError(`${file}: cannot be read (${error.code}); give the path of model.json`);
  });
  try {
    return modelSchema.parse(JSON.parse(text));
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? `${error.issues[0]!.path.join('.')}: ${error.issues[0]!.message}`
        : firstLine(error);
    throw new UnrollError(`${file}: is no layers model of TensorFlow.js (${why}); give the model.json of model.save`);
  }
}

/** Weights as float32, out of whatever quantization the manifest says. */
async function decodeWeights(
  bytes: Buffer,
  weights: tf.io.WeightsManifestEntry[],
  file: string,
): Promise<[string, NamedArray][]> {
  // Or its backend recommends other packages on stderr.
  tf.enableProdMode();
  try {
    const tensors = tf.io.decodeWeights(Uint8Array.from(bytes).buffer, weights);
    return Object.entries(tensors).map(([name, tensor]) => {
      const values = Float32Array.from(tensor.dataSync());
      tensor.dispose();
      return [name, { shape: tensor.shape, values }];
    });
  } catch (error) {
    throw new UnrollError(`${file}: its weights cannot be read (${firstLine(error)}); were their files cut off?`);
  }
}
