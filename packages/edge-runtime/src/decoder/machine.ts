/**
 * Where decoding happens: one WebAssembly memory that holds the weights and all vectors of a step, seen as numbers of each
 * type. What lies where is planned before the memory exists, so that it is made at its final size.
 */
import { wasmUnavailable } from '../runtime/wasm-unavailable.js';
import { instantiateKernels, type Kernels } from './kernels.js';

/** A float32 vector in memory. Behind it there is room up to a multiple of 16 bytes, whose content means nothing. */
export interface Vector {
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
}

export interface Machine {
  readonly kernels: Kernels;
  readonly bytes: Uint8Array;
  readonly int8: Int8Array;
  readonly int16: Int16Array;
  readonly int32: Int32Array;
  readonly float32: Float32Array;
  /** The token that the step reads. */
  token: number;
}

/** Part of a step. */
export type Instruction = (machine: Machine) => void;

/** The places in a memory that is still to be made, and what they will hold from the start. */
export class MemoryPlan {
  #size = 0;
  readonly #fills: Instruction[] = [];

  /** Room for `bytes` bytes, aligned to 16. They are zero unless filled. */
  reserve(bytes: number): number {
    const offset = this.#size;
    this.#size += Math.ceil(bytes / 16) * 16;
    return offset;
  }

  vector(length: number): Vector {
    return { offset: this.reserve(4 * length), length };
  }

  /** Runs `fill` once, when the memory is made. */
  fill(fill: Instruction): void {
    this.#fills.push(fill);
  }

  /** Room for these bytes, filled with them. */
  constant(data: Uint8Array): number {
    const offset = this.reserve(data.length);
    this.fill(({ bytes }) => bytes.set(data, offset));
    return offset;
  }

  /** @throws BundleError `wasm-unavailable` */
  async makeMachine(compiledKernels?: WebAssembly.Module): Promise<Machine> {
    const { buffer, kernels } = await this.#start(compiledKernels);
    const machine: Machine = {
      kernels,
      bytes: new Uint8Array(buffer),
      int8: new Int8Array(buffer),
      int16: new Int16Array(buffer),
      int32: new Int32Array(buffer),
      float32: new Float32Array(buffer),
      token: 0,
    };
    for (const fill of this.#fills.splice(0)) fill(machine);
    return machine;
  }

  async #start(compiledKernels?: WebAssembly.Module): Promise<{ buffer: ArrayBuffer; kernels: Kernels }> {
    try {
      const memory = new WebAssembly.Memory({ initial: Math.ceil(this.#size / 65536) });
      return { buffer: memory.buffer, kernels: await instantiateKernels(memory, compiledKernels) };
    } catch (cause) {
      throw wasmUnavailable("the model's kernels", cause);
    }
  }
}

/** The elements of a vector, in place. */
export function elementsOf({ float32 }: Machine, { offset, length }: Vector): Float32Array {
  return float32.subarray(offset / 4, offset / 4 + length);
}
