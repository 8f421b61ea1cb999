/**
 * Products of a constant matrix and the vector of a step: the layout of weights in memory for the kernels, and the
 * instruction that multiplies. With integer weights the vector is converted to int16, far finer than the weights. The
 * result then equals that of the quantized weights and the float vector to about 1e-4 of its size.
 */
import type { OnnxTensor } from '@unroll/core/onnx';
import { int8Integers } from '../quantization/dequantize.js';
import { floats } from '../quantization/matrix.js';
import { elementsOf, type Instruction, type Machine, type MemoryLayout, type Vector } from './machine.js';

/** Operand and result of a product: a matrix times `x`, written to `y`. */
export interface Product {
  readonly x: Vector;
  readonly y: Vector;
}

/**
 * A product with float32 weights.
 * @param transposed whether `weights` is [outputs, inputs] instead of [inputs, outputs]
 */
export function float32Product(
  layout: MemoryLayout,
  weights: OnnxTensor,
  transposed: boolean,
  { x, y }: Product,
): Instruction {
  const columns = roundUp(x.length, 16);
  const rows = y.length;
  const offset = layout.reserve(4 * rows * columns);
  const padded = layout.vector(columns);
  layout.fill(({ float32 }) => {
    const target = float32.subarray(offset / 4, offset / 4 + rows * columns);
    const source = floats(weights);
    if (transposed) copyRows(source, x.length, target, columns);
    else transposeInto(source, y.length, target, columns);
  });
  return (machine) => {
    elementsOf(machine, padded).set(elementsOf(machine, x));
    machine.kernels.productFloat32(offset, 4 * columns, padded.offset, y.offset, rows);
  };
}

/**
 * A product with int8 weights.
 * @param weights [inputs, outputs], int8 or, for `Int8MatMul`, uint8 with an offset
 */
export function int8Product(
  layout: MemoryLayout,
  weights: OnnxTensor,
  scales: OnnxTensor,
  { x, y }: Product,
): Instruction {
  const columns = roundUp(x.length, 16);
  const rows = roundUp(y.length, 4);
  const offset = layout.reserve(rows * columns);
  const scaleOffset = layout.constant(scales.data);
  const quantized = layout.reserve(2 * columns);
  layout.fill(({ int8 }) => {
    transposeInto(int8Integers(weights), y.length, int8.subarray(offset, offset + rows * columns), columns);
  });
  // The largest integer with which a sum over all inputs stays within int32.
  const limit = Math.min(32767, Math.floor(2 ** 31 / (128 * columns)));
  return (machine) => {
    const scale = quantizeVector(machine, x, quantized, limit, (i) => i);
    machine.kernels.productInt8(offset, scaleOffset, columns, quantized, scale, y.offset, rows);
  };
}

/** Number of weights that share a scale, in products with integer weights in blocks. */
export const blockSize = 32;

/**
 * A product with 4-bit weights in blocks.
 * @param weights uint8 [outputs, blocks, 16]; weights and scales in the format of `MatMulNBits`
 */
export function int4Product(
  layout: MemoryLayout,
  weights: OnnxTensor,
  scales: OnnxTensor,
  { x, y }: Product,
): Instruction {
  const blocks = Math.ceil(x.length / blockSize);
  const offset = layout.constant(weights.data);
  const scaleOffset = layout.constant(scales.data);
  const quantized = layout.reserve(2 * blocks * blockSize);
  const blockOffsets = layout.reserve(4 * blocks);
  return (machine) => {
    const scale = quantizeVector(machine, x, quantized, 32767, nibbleOrder);
    const { int16, int32 } = machine;
    for (let block = 0; block < blocks; block++) {
      const start = quantized / 2 + block * blockSize;
      let sum = 0;
      for (let i = start; i < start + blockSize; i++) sum += int16[i]!;
      int32[blockOffsets / 4 + block] = -8 * sum;
    }
    machine.kernels.productInt4(offset, scaleOffset, blocks, quantized, blockOffsets, scale, y.offset, y.length);
  };
}

/**
 * The position of a vector's element i for `productInt4`: within its block, sorted by its position in a group of four
 * first.
 */
function nibbleOrder(i: number): number {
  return (i & ~31) | ((i & 3) << 3) | ((i >> 2) & 7);
}

/** Writes round(x · limit / max|x|) as int16 to `target`, element i at `place(i)`; returns the scale. */
function quantizeVector(
  machine: Machine,
  vector: Vector,
  target: number,
  limit: number,
  place: (i: number) => number,
): number {
  const x = elementsOf(machine, vector);
  let largest = 0;
  for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(x[i]!));
  const inverse = largest === 0 ? 0 : limit / largest;
  const { int16 } = machine;
  for (let i = 0; i < x.length; i++) int16[target / 2 + place(i)] = Math.round(x[i]! * inverse);
  return largest / limit;
}

type Numbers = Float32Array | Int8Array;

function copyRows(source: Numbers, columns: number, target: Numbers, stride: number): void {
  for (let row = 0; row * columns < source.length; row++) {
    target.set(source.subarray(row * columns, (row + 1) * columns), row * stride);
  }
}

/** Writes the `width` columns of `source` as rows of `stride` elements, in tiles that fit a cache. */
function transposeInto(source: Numbers, width: number, target: Numbers, stride: number): void {
  const height = source.length / width;
  const tile = 64;
  for (let left = 0; left < width; left += tile) {
    const right = Math.min(left + tile, width);
    for (let i = 0; i < height; i++) {
      for (let j = left; j < right; j++) target[j * stride + i] = source[i * width + j]!;
    }
  }
}

function roundUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
