/**
 * Loads models on WebAssembly, one thread: with the kernels of this package, of a few kilobytes, where they know all of a
 * model's operators; else with ONNX Runtime's smallest build, which is only downloaded then.
 */
import type { Bundle } from '../bundle/read-bundle.js';
import { loadDecoder } from '../decoder/decoder.js';
import { UnknownOperator } from '../decoder/program.js';
import { BundleError } from '../errors.js';
import { loadStepModel } from '../runtime/step.js';
import { wasmUnavailable } from '../runtime/wasm-unavailable.js';
import type { LoadedStep } from './device.js';

/** @throws BundleError `model-invalid` or `wasm-unavailable` */
export async function loadOnWasm(bundle: Pick<Bundle, 'model' | 'manifest'>): Promise<LoadedStep> {
  try {
    return { step: await loadDecoder(bundle.model, bundle.manifest), use: { name: 'wasm', runtime: 'unroll' } };
  } catch (error) {
    if (error instanceof UnknownOperator) return loadOnOnnxRuntime(bundle);
    if (error instanceof BundleError) throw error;
    const message = `model.onnx: ${(error as Error).message}; export the bundle again`;
    throw new BundleError('model-invalid', message, { cause: error });
  }
}

async function loadOnOnnxRuntime({ model, manifest }: Pick<Bundle, 'model' | 'manifest'>): Promise<LoadedStep> {
  return {
    step: await loadStepModel(model, manifest, await loadOnnxRuntime(), 'wasm'),
    use: { name: 'wasm', runtime: 'onnxruntime' },
  };
}

/**
 * ONNX Runtime's smallest build, for one thread.
 * @throws BundleError `wasm-unavailable`
 */
export async function loadOnnxRuntime(): Promise<typeof import('onnxruntime-web/wasm')> {
  try {
    const ort = await import('onnxruntime-web/wasm');
    ort.env.wasm.numThreads = 1;
    return ort;
  } catch (cause) {
    throw wasmUnavailable('ONNX Runtime', cause);
  }
}
