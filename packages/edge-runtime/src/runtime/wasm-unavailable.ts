/** Explains why WebAssembly does not run here. The cause lies in the page or the browser, never in the model. */
import { BundleError } from '../errors.js';

/** Creates the error for WebAssembly of `what`, "the kernels" or "ONNX Runtime", that could not be started. */
export function wasmUnavailable(what: string, cause: unknown): BundleError {
  const { message } = cause as Error;
  return new BundleError(
    'wasm-unavailable',
    `${what} cannot start (${oneLine(message)}); ${remedyFor(cause as Error)}`,
    {
      cause,
    },
  );
}

/** Creates the error for ONNX Runtime Web that could not be imported, because it is not installed or not served. */
export function onnxRuntimeUnavailable(cause: unknown): BundleError {
  if (isRuntimeFailure(cause)) return wasmUnavailable('ONNX Runtime', cause);
  const what = `the model needs ONNX Runtime Web, which is not here (${oneLine((cause as Error).message)})`;
  const remedy = "npm install onnxruntime-web, or give its module's address as 'onnxRuntime'";
  return new BundleError('onnxruntime-missing', `${what}; ${remedy}`, { cause });
}

/** Whether ONNX Runtime reports that it could not start itself, whatever the model. */
export function isRuntimeFailure(error: unknown): boolean {
  return /no available backend|fetching of the wasm failed|dynamically imported module|module script failed/i.test(
    (error as Error).message,
  );
}

function remedyFor({ name, message }: Error): string {
  if (!globalThis.WebAssembly) {
    return 'this browser has WebAssembly switched off, as Lockdown Mode does: allow it for this site';
  }
  if (!globalThis.location && /disallowed by embedder/i.test(message)) {
    return 'this runtime compiles no WebAssembly: import @unroll/edge-runtime/kernels.wasm and give it as the option kernels';
  }
  if (!globalThis.location && /script source URL/i.test(message)) {
    return 'this runtime does not run ONNX Runtime; use a bundle whose operators the kernels of this package know';
  }
  if (/content security policy|\bCSP\b|unsafe-eval/i.test(message)) {
    return "the content security policy forbids WebAssembly: add 'wasm-unsafe-eval' to script-src";
  }
  if (/fetch|dynamically imported|import/i.test(message)) {
    return 'serve the .mjs and .wasm files that the build puts beside the page, and allow them in script-src and connect-src';
  }
  if (name === 'RangeError' || /memory/i.test(message)) return 'free memory, or use a smaller model';
  return 'use a newer browser, whose WebAssembly has SIMD';
}

function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ').slice(0, 300);
}
