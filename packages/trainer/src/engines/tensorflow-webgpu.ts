/**
 * TensorFlow.js's `webgpu` backend in Node, on Dawn, Chromium's WebGPU implementation, from the `webgpu` package. Both
 * packages are optional.
 */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { option } from '../configuration/option-names.js';
import { firstLine, UnrollError } from '../errors.js';

const require = createRequire(import.meta.url);
const packages = ['webgpu', '@tensorflow/tfjs-backend-webgpu'] as const;

/** Returns which of the two packages are not installed. */
export function absentWebGpuPackages(): string[] {
  return packages.filter((name) => {
    try {
      require.resolve(`${name}/package.json`);
      return false;
    } catch {
      return true;
    }
  });
}

/** The used part of the `webgpu` package. */
interface Dawn {
  create(options: readonly string[]): { requestAdapter(): Promise<object | null> };
  readonly globals: Readonly<Record<string, unknown>>;
}

/**
 * Registers the backend `webgpu`.
 * @throws UnrollError if a package is not installed, or if no GPU is found
 */
export async function loadWebGpuBackend(): Promise<void> {
  if (tf.findBackendFactory('webgpu')) return;
  const absent = absentWebGpuPackages();
  if (absent.length > 0)
    throw new UnrollError(`${option('engine')} tfjs-webgpu needs what is not installed: npm i ${absent.join(' ')}`);
  const [dawnPackage, backendPackage] = packages;
  try {
    const { create, globals } = (await import(dawnPackage)) as Dawn;
    const gpu = create([]);
    if ((await gpu.requestAdapter()) === null) throw new Error('Dawn finds no GPU');
    // The backend looks for these browser globals when it is loaded.
    Object.assign(globalThis, globals);
    Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
    require(backendPackage);
    // Compute small tensors on the GPU, too.
    tf.env().set('WEBGPU_CPU_FORWARD', false);
  } catch (error) {
    throw new UnrollError(
      `TensorFlow.js's webgpu backend does not start here (${firstLine(error)}); run 'unroll doctor' for what it needs, or use ${option('engine')} onnxruntime`,
      { cause: error },
    );
  }
}
