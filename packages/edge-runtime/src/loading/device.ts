/**
 * Devices that a model can run on. A device refers only to the worker that serves models on it. So a page that imports
 * one device is built without the ONNX Runtime of the others.
 */
import type { StepModel } from '../runtime/step.js';

/** A device for `loadLanguageModel`: `wasm`, or `webgpu` from `@unroll/edge-runtime/webgpu`. */
export interface Device {
  readonly name: DeviceName;
  /** Starts a worker that serves one model. */
  createWorker(): Worker;
}

export type DeviceName = 'wasm' | 'webgpu';

/** The device and kernels that a loaded model uses. */
export interface DeviceUse {
  /** Name of the device; `custom` for an ONNX Runtime that the caller passed. */
  readonly name: DeviceName | 'custom';
  /** Origin of the kernels: this package or ONNX Runtime. */
  readonly runtime: 'unroll' | 'onnxruntime';
  /** Why it is not the requested device, or not in a worker; undefined if it is as requested. */
  readonly fallbackReason?: string;
}

/** A model's step, and the device that runs it. */
export interface LoadedStep {
  readonly step: StepModel;
  readonly use: DeviceUse;
}

/** WebAssembly on one thread. Runs everywhere, and is the fastest device for models that fit a keyboard or a page. */
export const wasm: Device = {
  name: 'wasm',
  createWorker: () => new Worker(new URL('../worker/wasm-worker.js', import.meta.url), { type: 'module' }),
};
