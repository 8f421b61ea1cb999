/**
 * `@unroll/edge-runtime/webgpu`: models on the GPU. It is a separate entry because its WebAssembly file is larger.
 * Falls back to WebAssembly if a browser has no WebGPU; the loaded model's `device` says why.
 */
import type { Device } from './loading/device.js';

/**
 * The WebGPU device. A step of a small recurrent model is too short for a GPU: measure before preferring it to the
 * default.
 * @example
 * const model = await loadLanguageModel('./model/', { device: webgpu });
 */
export const webgpu: Device = {
  name: 'webgpu',
  createWorker: () => new Worker(new URL('./worker/webgpu-worker.js', import.meta.url), { type: 'module' }),
};
