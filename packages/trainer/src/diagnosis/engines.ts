/** Checks which engines work here. Each one really computes something, in a process of its own. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { cudaObstacle } from '../engines/cuda.js';
import type { EngineName } from '../engines/engine-names.js';
import { withoutSourceLine } from '../engines/provider-error.js';
import { absentWebGpuPackages } from '../engines/tensorflow-webgpu.js';
import { type Check, outputOf } from './check.js';

const probe = fileURLToPath(new URL('./provider-probe.js', import.meta.url));
const require = createRequire(import.meta.url);

/** Checks the default engine. It is the only required one; no other engine can replace it. */
export async function checkOnnxRuntime(): Promise<Check> {
  const name = 'onnxruntime-node';
  if (!installed(name)) return { name, status: 'missing', detail: 'not installed', remedy: `npm i ${name}` };
  return tried('onnxruntime', {
    name,
    works: `${versionOf(name)}, runs on the CPU`,
    remedy: `npm rebuild ${name}; on Linux it needs glibc 2.28 or newer`,
  });
}

export async function checkCuda(): Promise<Check> {
  const name = 'onnxruntime CUDA';
  const obstacle = cudaObstacle();
  if (obstacle) return { name, status: 'missing', detail: obstacle.detail, remedy: cudaRemedies[obstacle.missing] };
  const remedy = 'install an NVIDIA driver, CUDA 12 and cuDNN 9, and put their libraries on LD_LIBRARY_PATH';
  return tried('cuda', { name, works: 'runs; --engine auto takes it', remedy });
}

const cudaRemedies = {
  libraries:
    'on Linux x64 with CUDA 12 and cuDNN 9: ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false',
  device: "install the NVIDIA driver; in a container, give it the device (docker's --gpus all)",
};

const vulkanRemedy =
  "install a GPU driver (on Linux a Vulkan driver and libvulkan1), or name one in VK_ICD_FILENAMES; Chromium's vk_swiftshader_icd.json needs no GPU";

export function checkWebGpu(): Promise<Check> {
  return tried('webgpu', {
    name: 'onnxruntime WebGPU',
    works: 'runs; --engine webgpu takes it',
    remedy: vulkanRemedy,
  });
}

export async function checkTensorFlowWebGpu(): Promise<Check> {
  const name = 'TensorFlow.js WebGPU';
  const absent = absentWebGpuPackages();
  if (absent.length > 0) {
    return {
      name,
      status: 'missing',
      detail: `${absent.join(' and ')} not installed`,
      remedy: `npm i ${absent.join(' ')}`,
    };
  }
  return tried('tfjs-webgpu', { name, works: 'runs; --engine tfjs-webgpu takes it', remedy: vulkanRemedy });
}

export async function checkTensorFlow(): Promise<Check> {
  const name = '@tensorflow/tfjs-node-gpu';
  const needs = 'needs Linux x64, CUDA 11.2 and cuDNN 8.1';
  const fetches = `--ignore-scripts=false, which fetches libtensorflow; it ${needs}`;
  if (!installed(name)) {
    return { name, status: 'missing', detail: `not installed; ${needs}`, remedy: `npm i ${name} ${fetches}` };
  }
  const works = `${versionOf(name)}, runs; --engine tensorflow takes it`;
  return tried('tensorflow', { name, works, remedy: `npm rebuild ${name} ${fetches}` });
}

async function tried(
  engine: EngineName,
  { name, works, remedy }: { name: string; works: string; remedy: string },
): Promise<Check> {
  try {
    await outputOf(process.execPath, [probe, engine]);
    return { name, status: 'ok', detail: works };
  } catch (error) {
    return { name, status: 'broken', detail: withoutSourceLine((error as Error).message), remedy };
  }
}

function installed(name: string): boolean {
  try {
    require.resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}

function versionOf(name: string): string {
  return (require(`${name}/package.json`) as { version: string }).version;
}
