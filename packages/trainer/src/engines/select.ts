/** Which engine a machine has, by the names that `--engine` takes. */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import util from 'node:util';
import { firstLine, UnrollError } from '../errors.js';
import type { Engine } from './engine.js';
import { tensorFlowEngine } from './tensorflow.js';

export const engineNames = ['auto', 'onnxruntime', 'tensorflow', 'webgpu', 'wasm', 'cpu'] as const;
export type EngineName = (typeof engineNames)[number];

const require = createRequire(import.meta.url);

/**
 * The engine called `name`. `auto` is ONNX Runtime, on CUDA where its provider's libraries are, else on the CPU.
 * @param threads of one run, for the CPU; 0 for all cores
 * @throws UnrollError if what the engine needs is not installed
 */
export async function selectEngine(name: EngineName, threads = 0): Promise<Engine> {
  const cpuThreads = threads > 0 ? threads : availableParallelism();
  switch (name) {
    case 'auto':
      return onnxRuntime(hasCudaProvider() ? 'cuda' : 'cpu', cpuThreads);
    case 'onnxruntime':
      return onnxRuntime('cpu', cpuThreads);
    case 'webgpu':
      return onnxRuntime('webgpu', cpuThreads);
    case 'tensorflow':
      await loadTensorFlowNodeGpu();
      return tensorFlowEngine('tensorflow');
    case 'wasm':
      await loadWasm();
      return tensorFlowEngine('wasm');
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu');
      return tensorFlowEngine('cpu');
  }
}

/** Whether onnxruntime-node has its CUDA provider; its own installer fetches it on demand. */
export function hasCudaProvider(): boolean {
  try {
    const folder = dirname(require.resolve('onnxruntime-node/package.json'));
    require.resolve(`${folder}/bin/napi-v6/${process.platform}/${process.arch}/libonnxruntime_providers_cuda.so`);
    return true;
  } catch {
    return false;
  }
}

/** Imported only when it is wanted, so that a machine whose native library does not load is told so in a line. */
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

/** Loads `@tensorflow/tfjs-node-gpu`, an optional dependency that many machines cannot install. */
export async function loadTensorFlowNodeGpu(): Promise<void> {
  // Its compiled code calls util.isNullOrUndefined, which Node 23 removed.
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined });
  try {
    require('@tensorflow/tfjs-node-gpu');
  } catch (error) {
    throw new UnrollError(
      `@tensorflow/tfjs-node-gpu is not usable here (${firstLine(error)}); run 'unroll doctor' for what it needs, or use --engine onnxruntime`,
      { cause: error },
    );
  }
}
