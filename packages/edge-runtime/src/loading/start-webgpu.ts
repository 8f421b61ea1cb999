/** Starts ONNX Runtime with WebGPU where the browser has it, else with WebAssembly, and says why. */
import type { StartedDevice } from './device.js';

export async function startWebGpu(): Promise<StartedDevice> {
  const reason = await whyNotWebGpu();
  if (reason !== undefined) {
    const { startWasm } = await import('./start-wasm.js');
    return { ...(await startWasm()), use: { name: 'wasm', fallbackReason: reason } };
  }
  const ort = await import('onnxruntime-web/jspi');
  ort.env.wasm.numThreads = 1;
  return { ort: async () => ort, executionProvider: 'webgpu', use: { name: 'webgpu' } };
}

/** What this browser lacks for WebGPU; undefined if nothing. */
async function whyNotWebGpu(): Promise<string | undefined> {
  if (!('gpu' in navigator))
    return 'this browser has no WebGPU, or the page is not served over https or from localhost';
  if (!('Suspending' in WebAssembly))
    return "this browser has no JavaScript Promise Integration, which ONNX Runtime's WebGPU build needs";
  const gpu = navigator.gpu as { requestAdapter(): Promise<object | null> };
  return (await gpu.requestAdapter()) ? undefined : 'the browser offers no GPU adapter';
}
