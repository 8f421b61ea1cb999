/**
 * ONNX Runtime Web, an optional peer dependency, loaded when a model needs it. This file loads the smallest build. Only
 * `on-webgpu.ts` names the build for WebGPU, so that pages without WebGPU are built without it.
 */
import type { OnnxRuntime } from '../runtime/session.js';
import { onnxRuntimeUnavailable } from '../runtime/wasm-unavailable.js';

/** The members of `onnxruntime-web` that are used here. */
export interface OnnxRuntimeWeb extends OnnxRuntime {
  readonly env: { readonly wasm: { numThreads?: number | undefined } };
}

/**
 * Loads ONNX Runtime for WebAssembly, on one thread.
 * @param address address of its module `ort.wasm.bundle.min.mjs`; by default the installed package
 * @throws BundleError `onnxruntime-missing` or `wasm-unavailable`
 */
export async function loadOnnxRuntime(address?: string): Promise<OnnxRuntime> {
  try {
    return onOneThread(address === undefined ? await import('onnxruntime-web/wasm') : await importFrom(address));
  } catch (cause) {
    throw onnxRuntimeUnavailable(cause);
  }
}

/** Imports ONNX Runtime's module from an address, hidden from bundlers. */
export function importFrom(address: string): Promise<OnnxRuntimeWeb> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ address);
}

/** Restricts ONNX Runtime to one thread, so that it does not need cross-origin isolation. */
export function onOneThread(ort: OnnxRuntimeWeb): OnnxRuntime {
  ort.env.wasm.numThreads = 1;
  return ort;
}
