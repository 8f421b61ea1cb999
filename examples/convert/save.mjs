// Saves a small model of TensorFlow.js, a bidirectional LSTM over sequences of any length, as `model.json` and its
// weights, to convert it by `unroll convert`:
//   node examples/convert/save.mjs FOLDER
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';

const [folder = 'saved'] = process.argv.slice(2);
const lstm = tf.layers.lstm({ units: 32, returnSequences: true });
const model = tf.sequential({
  layers: [
    tf.layers.bidirectional({ layer: lstm, mergeMode: 'concat', inputShape: [null, 16], name: 'steps' }),
    tf.layers.globalMaxPooling1d(),
    tf.layers.dense({ units: 5, activation: 'softmax', name: 'kinds' }),
  ],
});
await mkdir(folder, { recursive: true });
await model.save(
  tf.io.withSaveHandler(async (artifacts) => {
    const { modelTopology, weightSpecs, weightData } = artifacts;
    const json = { modelTopology, weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }] };
    await writeFile(join(folder, 'model.json'), JSON.stringify(json));
    await writeFile(join(folder, 'weights.bin'), new Uint8Array(weightData));
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  }),
);
