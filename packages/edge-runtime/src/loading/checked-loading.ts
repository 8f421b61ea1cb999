/** Checks the arguments of all loading functions before anything is read or a worker starts. */
import {
  checkAddress,
  checkBoolean,
  checkFunction,
  checkOptions,
  checkSignal,
  checkText,
  isA,
  wrongKind,
} from '../arguments.js';
import type { Device } from './device.js';
import type { LoadOptions } from './load-options.js';

/** SHA-256 in the form that pages use for scripts: 32 bytes in base64. */
const integrityPattern = /^sha256-[A-Za-z0-9+/]{43}=$/;

/**
 * Checks the arguments of the loading functions; each function takes some of these options.
 * @throws TypeError for a value of the wrong kind; RangeError for an `integrity` that is not a SHA-256
 */
export function checkLoading(address: unknown, options: object): void {
  checkAddress('address', address);
  checkOptions(options);
  const { device, onProgress, signal, cache, onnxRuntime, integrity, ort, kernels, file } = options as {
    readonly [name in keyof LoadOptions | 'ort' | 'kernels' | 'file']: unknown;
  };
  if (device !== undefined && !isDevice(device)) throw wrongKind('device', 'the imported `wasm` or `webgpu`', device);
  checkFunction('onProgress', onProgress);
  checkSignal(signal);
  checkBoolean('cache', cache);
  if (onnxRuntime !== undefined) checkAddress('onnxRuntime', onnxRuntime);
  if (ort !== undefined && !isOnnxRuntime(ort)) throw wrongKind('ort', "ONNX Runtime's module", ort);
  if (kernels !== undefined && !isA('WebAssembly.Module', kernels)) {
    throw wrongKind('kernels', 'a WebAssembly.Module', kernels);
  }
  if (file !== undefined) checkText('file', file);
  if (integrity === undefined) return;
  checkText('integrity', integrity);
  if (!integrityPattern.test(integrity)) {
    throw new RangeError(`integrity '${integrity}': must be sha256- and the base64 of 32 bytes`);
  }
}

function isDevice(value: unknown): value is Device {
  const { name, createWorker } = (value ?? {}) as Partial<Device>;
  return (name === 'wasm' || name === 'webgpu') && typeof createWorker === 'function';
}

function isOnnxRuntime(value: unknown): boolean {
  const { InferenceSession, Tensor } = (value ?? {}) as Record<string, { readonly create?: unknown } | undefined>;
  return typeof InferenceSession?.create === 'function' && typeof Tensor === 'function';
}
