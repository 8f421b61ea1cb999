/** Says why WebAssembly does not run here: the fault is the page's or the browser's, never the model's. */
import { BundleError } from '../errors.js';

/** The error for WebAssembly of `what`, "the kernels" or "ONNX Runtime", that could not be started. */
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

/** Whether ONNX Runtime says that it could not start itself, whatever the model. */
export function isRuntimeFailure(error: unknown): boolean {
  return /no available backend|fetching of the wasm failed|dynamically imported module/i.test((error as Error).message);
}

function remedyFor({ name, message }: Error): string {
  if (!globalThis.WebAssembly) {
    return 'this browser has WebAssembly switched off, as Lockdown Mode does: allow it for this site';
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
