/** `modelFolder`: a folder in which TensorFlow.js saves a model and from which it loads one. */
import * as tf from '@tensorflow/tfjs-core';
import { firstLine, UnrollError } from '../errors.js';
import { inspectFolder, readResult, replaceFolder } from '../files/result-folder.js';

const topologyFile = 'model.json';
const weightsFile = 'weights.bin';

/**
 * Returns a handler for `model.save` and `tf.loadLayersModel`, which have none for files without `tfjs-node`. The files
 * are those of `tfjs-node`: `model.json`, which `loadLayersModel` of `@unroll/core` and browsers load too, and
 * `weights.bin`. A model that was saved there before is replaced as a whole.
 * @param folder the path; it is made if needed
 * @throws UnrollError, when a model is saved or loaded, naming the file and what is wrong with it
 * @example
 * await model.save(modelFolder('models/digits'));
 * const loaded = await tf.loadLayersModel(modelFolder('models/digits'));
 */
export function modelFolder(folder: string): tf.io.IOHandler {
  return { save: (artifacts) => save(folder, artifacts), load: () => load(folder) };
}

async function save(folder: string, artifacts: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> {
  const { weightData, weightSpecs, ...described } = artifacts;
  if ((await inspectFolder(folder, [topologyFile, weightsFile])) === 'foreign') {
    throw new UnrollError(`${folder}: holds files that are no saved model's, and would be lost; choose another folder`);
  }
  const weightsManifest = [{ paths: [weightsFile], weights: weightSpecs ?? [] }];
  await replaceFolder(folder, {
    [topologyFile]: JSON.stringify({ ...described, weightsManifest }),
    [weightsFile]: new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData ?? [])),
  });
  return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
}

async function load(folder: string): Promise<tf.io.ModelArtifacts> {
  const read = (name: string) =>
    readResult(folder, name).catch((error: NodeJS.ErrnoException) => {
      throw new UnrollError(`${folder}/${name}: cannot be read (${error.code}); give a folder of model.save`);
    });
  const text = await read(topologyFile);
  try {
    const json = JSON.parse(text.toString()) as tf.io.ModelJSON;
    return await tf.io.getModelArtifactsForJSON(json, async (manifest) => {
      const names = manifest.flatMap(({ paths }) => paths);
      const outside = names.find((name) => /[/\\]/.test(name));
      if (outside !== undefined) throw new Error(`'${outside}' is not a file beside it`);
      const parts = await Promise.all(names.map(read));
      const bytes = Uint8Array.from(Buffer.concat(parts));
      return [manifest.flatMap(({ weights }) => weights), bytes.buffer];
    });
  } catch (error) {
    if (error instanceof UnrollError) throw error;
    throw new UnrollError(
      `${folder}/${topologyFile}: is not a model of TensorFlow.js (${firstLine(error)}); save it again`,
    );
  }
}
