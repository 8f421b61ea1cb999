// TensorFlow.js's own layers on its backend in plain JavaScript.
import '@tensorflow/tfjs-backend-cpu';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { writerOf } from './stateful-layers.js';

export async function load(base, first) {
  return writerOf(await loadLayersModel(`${base}model.json`), first);
}
