/**
 * The memory of decoding: one WebAssembly memory holds the weights and all vectors of a step, with views of each number
 * type. Offsets are planned before the memory exists, so that it is created at its final size.
 */
import { wasmUnavailable } from '../runtime/wasm-unavailable.js';
import { instantiateKernels, type Kernels } from './kernels.js';

/** A float32 vector in memory. It is followed by padding to a multiple of 16 bytes, whose content has no meaning. */
export interface Vector {
  /** Offset in bytes. */
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

/** One instruction of a step. */
export type Instruction = (machine: Machine) => void;

/** Plans the offsets in a memory that does not exist yet, and its initial content. */
export class MemoryLayout {
  #size = 0;
  readonly #fills: Instruction[] = [];

  /** Reserves `bytes` bytes, aligned to 16, and returns their offset. They are zero unless filled. */
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

  /** Reserves room for these bytes and fills it with them. */
  constant(data: Uint8Array): number {
    const offset = this.reserve(data.length);
    this.fill(({ bytes }) => bytes.set(data, offset));
    return offset;
  }

  /**
   * Creates the memory and its views.
   * @throws BundleError `wasm-unavailable`
   */
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

/** The elements of a vector, as a view of the memory. */
export function elementsOf({ float32 }: Machine, { offset, length }: Vector): Float32Array {
  return float32.subarray(offset / 4, offset / 4 + length);
}
