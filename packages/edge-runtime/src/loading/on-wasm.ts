/**
 * Loads models on WebAssembly, on one thread. If this package's own kernels, a few kilobytes, know all operators of a
 * model, they run it; else ONNX Runtime's smallest build does, which is only downloaded then.
 */
import type { Bundle } from '../bundle/read-bundle.js';
import { loadDecoder } from '../decoder/decoder.js';
import { UnknownOperator } from '../decoder/program.js';
import { BundleError } from '../errors.js';
import { loadStepModel } from '../runtime/step.js';
import type { LoadedStep } from './device.js';
import { loadOnnxRuntime } from './onnx-runtime.js';

/**
 * Loads a model's step.
 * @param onnxRuntime address of ONNX Runtime's module, if it is not that of the installed package
 * @param compiledKernels `kernels.wasm`, for runtimes that cannot compile WebAssembly
 * @throws BundleError `model-invalid`, `wasm-unavailable` or `onnxruntime-missing`
 */
export async function loadOnWasm(
  bundle: Pick<Bundle, 'model' | 'manifest'>,
  onnxRuntime?: string,
  compiledKernels?: WebAssembly.Module,
): Promise<LoadedStep> {
  try {
    const step = await loadDecoder(bundle.model, bundle.manifest, compiledKernels);
    return { step, use: { name: 'wasm', runtime: 'unroll' } };
  } catch (error) {
    if (error instanceof UnknownOperator) return loadOnOnnxRuntime(bundle, onnxRuntime);
    if (error instanceof BundleError) throw error;
    const message = `model.onnx: ${(error as Error).message}; export the bundle again`;
    throw new BundleError('model-invalid', message, { cause: error });
  }
}

async function loadOnOnnxRuntime(
  { model, manifest }: Pick<Bundle, 'model' | 'manifest'>,
  onnxRuntime: string | undefined,
): Promise<LoadedStep> {
  return {
    step: await loadStepModel(model, manifest, await loadOnnxRuntime(onnxRuntime), 'wasm'),
    use: { name: 'wasm', runtime: 'onnxruntime' },
  };
}
