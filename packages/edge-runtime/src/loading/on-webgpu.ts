/** Loads models on WebGPU if the browser has it and ONNX Runtime accepts them, else on WebAssembly with the reason. */
import type { Bundle } from '../bundle/read-bundle.js';
import type { OnnxRuntime } from '../runtime/session.js';
import { loadStepModel } from '../runtime/step.js';
import { onnxRuntimeUnavailable } from '../runtime/wasm-unavailable.js';
import type { LoadedStep } from './device.js';
import { loadOnWasm } from './on-wasm.js';
import { importFrom, onOneThread } from './onnx-runtime.js';

/**
 * Loads a model's step.
 * @param onnxRuntime address of ONNX Runtime's module, if it is not that of the installed package
 * @throws BundleError `model-invalid`
 */
export async function loadOnWebGpu(
  bundle: Pick<Bundle, 'model' | 'manifest'>,
  onnxRuntime?: string,
): Promise<LoadedStep> {
  const missing = await whatIsMissing();
  if (missing !== undefined) return fallBack(bundle, onnxRuntime, missing);
  try {
    const ort = await loadOnnxRuntimeForWebGpu(onnxRuntime);
    const step = await loadStepModel(bundle.model, bundle.manifest, ort, 'webgpu');
    return { step, use: { name: 'webgpu', runtime: 'onnxruntime' } };
  } catch (error) {
    return fallBack(bundle, onnxRuntime, `WebGPU: ${(error as Error).message}`);
  }
}

async function loadOnnxRuntimeForWebGpu(address: string | undefined): Promise<OnnxRuntime> {
  try {
    return onOneThread(address === undefined ? await import('onnxruntime-web/jspi') : await importFrom(address));
  } catch (cause) {
    throw onnxRuntimeUnavailable(cause);
  }
}

async function fallBack(
  bundle: Pick<Bundle, 'model' | 'manifest'>,
  onnxRuntime: string | undefined,
  fallbackReason: string,
): Promise<LoadedStep> {
  const { step, use } = await loadOnWasm(bundle, onnxRuntime);
  return { step, use: { ...use, fallbackReason } };
}

/** The feature that this browser lacks for WebGPU; undefined if it has all. */
async function whatIsMissing(): Promise<string | undefined> {
  if (!('gpu' in navigator))
    return 'this browser has no WebGPU, or the page is not served over https or from localhost';
  if (!('Suspending' in WebAssembly)) return 'this browser lacks JavaScript Promise Integration';
  const gpu = navigator.gpu as { requestAdapter(): Promise<object | null> };
  return (await gpu.requestAdapter()) ? undefined : 'the browser offers no GPU adapter';
}
