/**
 * Reads saved models of TensorFlow.js, of layers or of a graph: `model.json` and its weights, in a folder or at a URL.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { firstLine, UnrollError } from '../errors.js';
import { fileErrorReason } from '../files/file-error.js';

/** A saved model, and how it was found. */
export interface SavedModel {
  /** Path or URL of the file. */
  readonly file: string;
  readonly kind: 'layers-model' | 'graph-model';
  readonly artifacts: tf.io.ModelArtifacts;
}

export function isUrl(source: string): boolean {
  return /^https?:\/\//.test(source);
}

/**
 * Returns the file that a folder, a file or a URL means.
 * @throws UnrollError if there is none
 */
export async function modelFile(source: string): Promise<string> {
  if (isUrl(source)) return source.endsWith('/') ? `${source}model.json` : source;
  const found = await stat(source).catch((error: NodeJS.ErrnoException) => {
    throw new UnrollError(`${source}: cannot be read (${fileErrorReason(error)}); give a model's folder, file or URL`);
  });
  if (!found.isDirectory()) return source;
  const file = join(source, 'model.json');
  if (await stat(file).catch(() => undefined)) return file;
  throw new UnrollError(`${source}: holds no model.json; give the folder that model.save or the converter wrote`);
}

/**
 * Reads a model.
 * @param file path or URL of its `model.json`
 * @throws UnrollError naming the file that is missing, cut off or no model's; the signal's reason when it aborts
 */
export async function readModelArtifacts(file: string, signal: AbortSignal): Promise<SavedModel> {
  const json = parsed(await bytesOf(file, signal), file);
  const { modelTopology } = json;
  if (typeof modelTopology !== 'object' || modelTopology === null) {
    throw new UnrollError(`${file}: holds no model of TensorFlow.js (no modelTopology); give a model.json`);
  }
  if (!Array.isArray(json.weightsManifest)) {
    throw new UnrollError(`${file}: names no files of weights (no weightsManifest); save the model with its weights`);
  }
  const kind = json.format === 'graph-model' || 'node' in modelTopology ? 'graph-model' : 'layers-model';
  const artifacts = await tf.io
    .getModelArtifactsForJSON(json, async (manifest) => {
      const paths = manifest.flatMap((group) => group.paths);
      const parts = await Promise.all(paths.map((path) => bytesOf(beside(file, path), signal)));
      const specs = manifest.flatMap(({ weights }) => weights);
      const bytes = Uint8Array.from(Buffer.concat(parts));
      requireLength(specs, bytes.length, file);
      return [specs, bytes.buffer];
    })
    .catch((error: unknown) => {
      if (error instanceof UnrollError || signal.aborted) throw error;
      throw new UnrollError(`${file}: is not a model of TensorFlow.js (${firstLine(error)}); save it again`);
    });
  return { file, kind, artifacts };
}

function parsed(bytes: Uint8Array, file: string): tf.io.ModelJSON {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof json === 'object' && json !== null) return json as tf.io.ModelJSON;
  } catch (error) {
    throw new UnrollError(`${file}: is not JSON (${firstLine(error)}); give a model.json, .keras or .h5`);
  }
  throw new UnrollError(`${file}: holds no model of TensorFlow.js; give a model.json`);
}

/** Path or URL of a file of weights. Only what is beside the model is read. */
function beside(file: string, path: string): string {
  const base = isUrl(file) ? new URL('.', file) : new URL('.', pathToFileURL(file));
  const target = new URL(path, base);
  if (!target.href.startsWith(base.href)) {
    throw new UnrollError(`${file}: names weights outside of its folder ('${path}'); put them beside it`);
  }
  if (isUrl(file)) {
    target.search = new URL(file).search;
    return target.href;
  }
  return join(file, '..', path);
}

/** @throws UnrollError if the files' length is not that of the weights that the manifest lists */
function requireLength(specs: readonly tf.io.WeightsManifestEntry[], found: number, file: string): void {
  if (specs.some(({ dtype }) => dtype === 'string')) return;
  const sizes: Record<string, number> = {
    float32: 4,
    int32: 4,
    bool: 1,
    complex64: 8,
    float16: 2,
    uint8: 1,
    uint16: 2,
  };
  const declared = specs
    .map(({ shape, dtype, quantization }) => tf.util.sizeFromShape(shape) * sizes[quantization?.dtype ?? dtype]!)
    .reduce((sum, length) => sum + length, 0);
  if (found === declared) return;
  throw new UnrollError(
    `${file}: its weights take ${declared} bytes, and the files hold ${found}; is one cut off or missing? save the model again`,
  );
}

/** Reads a file or a URL. */
async function bytesOf(file: string, signal: AbortSignal): Promise<Uint8Array> {
  if (!isUrl(file)) {
    return readFile(file, { signal }).catch((error: NodeJS.ErrnoException) => {
      signal.throwIfAborted();
      throw new UnrollError(
        `${file}: cannot be read (${fileErrorReason(error)}); save the model again, with its weights`,
      );
    });
  }
  const response = await fetch(file, { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    const { cause } = error as { cause?: { code?: string } };
    throw new UnrollError(`${file}: cannot be loaded (${cause?.code ?? firstLine(error)}); is the address right?`);
  });
  if (!response.ok) {
    throw new UnrollError(
      `${file}: the server answers ${response.status}; give the address of a model.json and its weights`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}
