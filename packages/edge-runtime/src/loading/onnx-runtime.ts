/**
 * ONNX Runtime Web: an optional peer dependency, loaded when a model needs it. This is the smallest build; that for WebGPU is
 * named in `on-webgpu.ts` alone, so that pages without WebGPU are built without it.
 */
import type { OnnxRuntime } from '../runtime/session.js';
import { onnxRuntimeUnavailable } from '../runtime/wasm-unavailable.js';

/** The part of `onnxruntime-web` that is used here. */
export interface OnnxRuntimeWeb extends OnnxRuntime {
  readonly env: { readonly wasm: { numThreads?: number | undefined } };
}

/**
 * Loads ONNX Runtime for WebAssembly, on one thread.
 * @param address of its module `ort.wasm.bundle.min.mjs`; by default the package that is installed
 * @throws BundleError `onnxruntime-missing` or `wasm-unavailable`
 */
export async function loadOnnxRuntime(address?: string): Promise<OnnxRuntime> {
  try {
    return onOneThread(address === undefined ? await import('onnxruntime-web/wasm') : await importFrom(address));
  } catch (cause) {
    throw onnxRuntimeUnavailable(cause);
  }
}

/** Imports ONNX Runtime's module from an address that no bundler sees. */
export function importFrom(address: string): Promise<OnnxRuntimeWeb> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ address);
}

/** Without threads, ONNX Runtime needs no cross-origin isolation. */
export function onOneThread(ort: OnnxRuntimeWeb): OnnxRuntime {
  ort.env.wasm.numThreads = 1;
  return ort;
}
