/** Puts the package into the global `unroll`, for the browser tests to call. */
import * as edgeRuntime from '../../index.js';
import { webgpu } from '../../webgpu.js';

const api = { ...edgeRuntime, webgpu };

declare global {
  var unroll: typeof api;
}

Object.assign(globalThis, { unroll: api });
