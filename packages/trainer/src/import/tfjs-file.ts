/** Reads models saved by TensorFlow.js's `model.save`: `model.json`, and the weight files beside it. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { elementCount } from '@unroll/core/onnx';
import '@tensorflow/tfjs-backend-cpu';
import { z } from 'zod';
import type { NamedArray } from '../checkpoint/safetensors.js';
import { firstLine, schemaFault, UnrollError } from '../errors.js';
import { parseKerasArchitecture } from './keras-architecture.js';
import type { KerasSource } from './keras-model.js';
import { readWholeFile } from './read-file.js';

/** Bytes per value of a stored weight, by its dtype or that of its quantization. */
const bytesPerValue = { float32: 4, int32: 4, bool: 1, complex64: 8, float16: 2, uint8: 1, uint16: 2 } as const;

const entrySchema = z.looseObject({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype: z.enum(['float32', 'int32', 'bool', 'complex64']),
  quantization: z.looseObject({ dtype: z.enum(['float16', 'uint8', 'uint16']) }).optional(),
});

const modelSchema = z.object({
  /** Absent in files of older versions. */
  format: z.literal('layers-model', 'is not "layers-model"').optional(),
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string().regex(/^[^/\\]+$/, 'must be a file beside model.json')),
      weights: z.array(entrySchema),
    }),
  ),
});

/**
 * Reads a model.
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
    requireLength(parts, paths, weights, file);
    for (const [name, tensor] of await decodeWeights(Buffer.concat(parts), weights, file)) tensors.set(name, tensor);
  }
  return {
    architecture,
    weight(layer, kind) {
      // In Keras 3, the name begins with the model's name.
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
    const why = error instanceof z.ZodError ? schemaFault(error) : firstLine(error);
    throw new UnrollError(
      `${file}: is not a layers model of TensorFlow.js (${why}); give the model.json of model.save`,
    );
  }
}

/**
 * Checks the files' length.
 * @throws UnrollError naming the files whose total length differs from that of the weights which the manifest lists for
 *   them
 */
function requireLength(
  parts: readonly Uint8Array[],
  paths: readonly string[],
  weights: readonly z.infer<typeof entrySchema>[],
  file: string,
): void {
  const declared = weights
    .map(({ shape, dtype, quantization }) => elementCount(shape) * bytesPerValue[quantization?.dtype ?? dtype])
    .reduce((sum, length) => sum + length, 0);
  const found = parts.reduce((sum, { length }) => sum + length, 0);
  if (found === declared) return;
  const files = paths.map((path, index) => `${join(dirname(file), path)} (${parts[index]!.length} bytes)`).join(', ');
  const difference = found < declared ? 'cut off' : 'written twice, or by another model';
  throw new UnrollError(
    `${files}: ${paths.length > 1 ? 'hold together' : 'holds'} ${found} bytes, the weights in ${file} take ${declared}; was it ${difference}? save the model again`,
  );
}

/** Decodes weights to float32, undoing any quantization in the manifest. */
async function decodeWeights(
  bytes: Buffer,
  weights: z.infer<typeof entrySchema>[],
  file: string,
): Promise<[string, NamedArray][]> {
  // Otherwise the backend recommends other packages on stderr.
  tf.enableProdMode();
  try {
    const tensors = tf.io.decodeWeights(Uint8Array.from(bytes).buffer, weights as tf.io.WeightsManifestEntry[]);
    return Object.entries(tensors).map(([name, tensor]) => {
      const values = Float32Array.from(tensor.dataSync());
      tensor.dispose();
      return [name, { shape: tensor.shape, values }];
    });
  } catch (error) {
    throw new UnrollError(`${file}: its weights cannot be read (${firstLine(error)}); were their files cut off?`);
  }
}
