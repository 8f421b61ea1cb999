/** The WebAssembly functions of kernels.wat. Pointers and strides are in bytes of `memory`; counts are in elements. */
import { kernelsBase64 } from './kernels.wasm.js';

export interface Kernels {
  productFloat32(weights: number, stride: number, x: number, y: number, rows: number): void;
  productInt8(
    weights: number,
    scales: number,
    stride: number,
    x: number,
    xScale: number,
    y: number,
    rows: number,
  ): void;
  productInt4(
    weights: number,
    scales: number,
    blocks: number,
    x: number,
    offsets: number,
    xScale: number,
    y: number,
    rows: number,
  ): void;
  sigmoid(x: number, y: number, count: number): void;
  tanh(x: number, y: number, count: number): void;
  add(a: number, b: number, y: number, count: number): void;
  sub(a: number, b: number, y: number, count: number): void;
  mul(a: number, b: number, y: number, count: number): void;
  div(a: number, b: number, y: number, count: number): void;
}

/**
 * Instantiates the functions on `memory`. `compiled` is kernels.wasm, for runtimes that cannot compile WebAssembly
 * themselves.
 * @throws WebAssembly.CompileError if WebAssembly has no SIMD, or a content security policy forbids it
 */
export async function instantiateKernels(memory: WebAssembly.Memory, compiled?: WebAssembly.Module): Promise<Kernels> {
  const module = compiled ?? (await WebAssembly.compile(kernelsBytes()));
  const { exports } = await WebAssembly.instantiate(module, { host: { memory } });
  return exports as unknown as Kernels;
}

function kernelsBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(kernelsBase64), (character) => character.charCodeAt(0));
}
