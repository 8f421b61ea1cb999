/** Loads models on WebGPU where the browser has it and ONNX Runtime accepts them, else on WebAssembly, and says why. */
import type { Bundle } from '../bundle/read-bundle.js';
import { loadStepModel } from '../runtime/step.js';
import type { LoadedStep } from './device.js';
import { loadOnWasm } from './on-wasm.js';

/** @throws BundleError `model-invalid` */
export async function loadOnWebGpu(bundle: Pick<Bundle, 'model' | 'manifest'>): Promise<LoadedStep> {
  const missing = await whatIsMissing();
  if (missing !== undefined) return fallBack(bundle, missing);
  const ort = await import('onnxruntime-web/jspi');
  ort.env.wasm.numThreads = 1;
  try {
    const step = await loadStepModel(bundle.model, bundle.manifest, ort, 'webgpu');
    return { step, use: { name: 'webgpu', runtime: 'onnxruntime' } };
  } catch (error) {
    return fallBack(bundle, `WebGPU: ${(error as Error).message}`);
  }
}

async function fallBack(bundle: Pick<Bundle, 'model' | 'manifest'>, fallbackReason: string): Promise<LoadedStep> {
  const { step, use } = await loadOnWasm(bundle);
  return { step, use: { ...use, fallbackReason } };
}

/** What this browser lacks for WebGPU; undefined if nothing. */
async function whatIsMissing(): Promise<string | undefined> {
  if (!('gpu' in navigator))
    return 'this browser has no WebGPU, or the page is not served over https or from localhost';
  if (!('Suspending' in WebAssembly)) return 'this browser lacks JavaScript Promise Integration';
  const gpu = navigator.gpu as { requestAdapter(): Promise<object | null> };
  return (await gpu.requestAdapter()) ? undefined : 'the browser offers no GPU adapter';
}
