/** WebAssembly on one thread: nothing to start, unless a model needs ONNX Runtime, of which this is the smallest build. */
import type { StartedDevice } from './device.js';

export async function startWasm(): Promise<StartedDevice> {
  return { ort: onnxRuntime, executionProvider: 'wasm', use: { name: 'wasm' } };
}

async function onnxRuntime() {
  const ort = await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = 1;
  return ort;
}
