/** Selects the engine for a value of `--engine`. */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { firstLine, UnrollError } from '../errors.js';
import { type CudaObstacle, cudaObstacle } from './cuda.js';
import type { Engine } from './engine.js';
import type { EngineName } from './engine-names.js';
import { tensorFlowEngine } from './tensorflow.js';
import { loadTensorFlowNodeGpu } from './tensorflow-node.js';
import { loadWebGpuBackend } from './tensorflow-webgpu.js';

const require = createRequire(import.meta.url);

/**
 * Creates the engine called `name`. `auto` is ONNX Runtime: on CUDA if its provider's libraries and a device are there,
 * otherwise on the CPU.
 * @param threads threads of one run on the CPU; 0 for all cores
 * @param obstacle returns what prevents the use of CUDA
 * @throws UnrollError if something that the engine needs is not installed
 */
export async function selectEngine(
  name: EngineName,
  threads = 0,
  obstacle: () => CudaObstacle | undefined = cudaObstacle,
): Promise<Engine> {
  const cpuThreads = threads > 0 ? threads : availableParallelism();
  switch (name) {
    case 'auto':
      return onnxRuntime(obstacle() ? 'cpu' : 'cuda', cpuThreads);
    case 'onnxruntime':
      return onnxRuntime('cpu', cpuThreads);
    case 'cuda':
      return cuda(cpuThreads, obstacle());
    case 'webgpu':
      return onnxRuntime('webgpu', cpuThreads);
    case 'tensorflow':
      loadTensorFlowNodeGpu();
      return tensorFlowEngine('tensorflow');
    case 'tfjs-webgpu':
      await loadWebGpuBackend();
      return tensorFlowEngine('webgpu');
    case 'wasm':
      await loadWasm();
      return tensorFlowEngine('wasm');
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu');
      return tensorFlowEngine('cpu');
  }
}

function cuda(threads: number, obstacle: CudaObstacle | undefined): Promise<Engine> {
  if (obstacle) throw new UnrollError(`${obstacle.detail}; run 'unroll doctor' for how to get CUDA`);
  return onnxRuntime('cuda', threads);
}

/** Imports ONNX Runtime on demand, so that a native library that does not load becomes an error of one line. */
async function onnxRuntime(provider: 'cpu' | 'cuda' | 'webgpu', threads: number): Promise<Engine> {
  try {
    if (provider === 'webgpu') return (await import('./onnxruntime-webgpu.js')).webGpuEngine();
    return (await import('./onnxruntime.js')).onnxRuntimeEngine({ provider, threads });
  } catch (error) {
    throw new UnrollError(`onnxruntime-node does not load here (${firstLine(error)}); run 'unroll doctor'`, {
      cause: error,
    });
  }
}

async function loadWasm(): Promise<void> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
}
