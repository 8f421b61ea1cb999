// The same saved model with the recurrent layers of @unroll/core, on TensorFlow.js's wasm backend.
import './wasm-backend.js';
import { loadLayersModel } from '@unroll/core';
import { writerOf } from './stateful-layers.js';

export async function load(base, first) {
  return writerOf(await loadLayersModel(`${base}model.json`), first);
}
