/** Starts ONNX Runtime's smallest WebAssembly build, on one thread. */
import * as ort from 'onnxruntime-web/wasm';
import type { StartedDevice } from './device.js';

/** The download and compilation of the WebAssembly file begin at once, beside the bundle's download. */
export async function startWasm(): Promise<StartedDevice> {
  ort.env.wasm.numThreads = 1;
  // ONNX Runtime starts with its first session and has no other way to start. No model is an error, after the start.
  ort.InferenceSession.create(new Uint8Array()).catch(() => {});
  return { ort, executionProvider: 'wasm', use: { name: 'wasm' } };
}
