/**
 * What a model can run on. A device names the worker that serves models on it, and nothing else: a page that imports one
 * device is built without the ONNX Runtime of the others.
 */
import type { StepModel } from '../runtime/step.js';

/** A device for `loadLanguageModel`: `wasm`, or `webgpu` from `@unroll/edge-runtime/webgpu`. */
export interface Device {
  readonly name: DeviceName;
  /** Starts a worker that serves one model. */
  createWorker(): Worker;
}

export type DeviceName = 'wasm' | 'webgpu';

/** What a loaded model runs on. */
export interface DeviceUse {
  /** `custom` for an ONNX Runtime that the caller gave. */
  readonly name: DeviceName | 'custom';
  /** Whose kernels: this package's own, or ONNX Runtime's. */
  readonly runtime: 'unroll' | 'onnxruntime';
  /** Why it is not the device that was asked for, or in no worker; undefined if it is as asked. */
  readonly fallbackReason?: string;
}

/** A model's step, and what computes it. */
export interface LoadedStep {
  readonly step: StepModel;
  readonly use: DeviceUse;
}

/** WebAssembly on one thread: runs everywhere, and is the fastest for models that fit a keyboard or a page. */
export const wasm: Device = {
  name: 'wasm',
  createWorker: () => new Worker(new URL('../worker/wasm-worker.js', import.meta.url), { type: 'module' }),
};
