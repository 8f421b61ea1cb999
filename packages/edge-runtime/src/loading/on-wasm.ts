/**
 * Loads models on WebAssembly, one thread: with the kernels of this package, of a few kilobytes, where they know all of a
 * model's operators; else with ONNX Runtime's smallest build, which is only downloaded then.
 */
import type { Bundle } from '../bundle/read-bundle.js';
import { loadDecoder } from '../decoder/decoder.js';
import { UnknownOperator } from '../decoder/program.js';
import { BundleError } from '../errors.js';
import { loadStepModel } from '../runtime/step.js';
import type { LoadedStep } from './device.js';
import { loadOnnxRuntime } from './onnx-runtime.js';

/**
 * @param onnxRuntime the address of ONNX Runtime's module, if it is not the installed package's
 * @param compiledKernels `kernels.wasm`, where the runtime compiles none
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
