// TensorFlow.js's own layers on its wasm backend.
import './wasm-backend.js';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { writerOf } from './stateful-layers.js';

export async function load(base, first) {
  return writerOf(await loadLayersModel(`${base}model.json`), first);
}
