/**
 * The inverse of quantize.ts, for the device that trains a bundle's model. It computes the float32 values of stored
 * weights, with the names and layouts that training uses.
 */
import { elementCount, type OnnxGraph, type OnnxTensor } from '@unroll/core/onnx';
import { weightZeroPoint } from './int8-matmul.js';
import { floats } from './matrix.js';

/**
 * Computes the values of the parameters `shapes` from the graph of a bundle's `model.onnx`.
 * @throws Error naming a parameter that the graph lacks
 */
export function dequantizedParameters(
  graph: OnnxGraph,
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, Float32Array<ArrayBuffer>> {
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  return new Map(Array.from(shapes, ([name, shape]) => [name, valuesOf(name, shape, tensors)]));
}

function valuesOf(
  name: string,
  shape: readonly number[],
  tensors: ReadonlyMap<string, OnnxTensor>,
): Float32Array<ArrayBuffer> {
  const float = tensors.get(name);
  if (float) return floats(float).slice();
  const stored = ['uint8', 'int8', 'int4'].map((type) => tensors.get(`${name}.${type}`)).find((tensor) => tensor);
  const scales = tensors.get(`${name}.scale`);
  if (!stored || !scales) throw new Error(`it has no parameter '${name}'`);
  const [rows, columns] = shape as [number, number];
  return stored.dtype === 'int8' || stored.name.endsWith('.uint8')
    ? fromInt8(stored, floats(scales), scales.shape.length === 2, rows, columns)
    : fromBlocks(stored, scales, rows, columns);
}

/**
 * @param byRow whether each row has a scale (a table that is only looked up); else each stored column has one, and a
 * tied table is stored transposed
 */
function fromInt8(
  stored: OnnxTensor,
  scales: Float32Array,
  byRow: boolean,
  rows: number,
  columns: number,
): Float32Array<ArrayBuffer> {
  const integers = int8Integers(stored);
  const values = new Float32Array(rows * columns);
  const transposed = !byRow && isTable(stored.name);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const integer = transposed ? integers[j * rows + i]! : integers[i * columns + j]!;
      values[i * columns + j] = integer * scales[byRow || transposed ? i : j]!;
    }
  }
  return values;
}

/** The integers of int8 weights, which are stored directly or, for `Int8MatMul`, with an offset. */
export function int8Integers({ dtype, data }: OnnxTensor): Int8Array {
  if (dtype === 'int8') return new Int8Array(data.buffer, data.byteOffset, data.byteLength);
  return Int8Array.from(data, (byte) => byte - weightZeroPoint);
}

/**
 * Reads weights in blocks. Tables are stored by rows; matrices of products are stored transposed, each column as a row.
 */
function fromBlocks(stored: OnnxTensor, scales: OnnxTensor, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const bits = stored.name.endsWith('.int4') ? 4 : 8;
  // A table that is only looked up is a matrix of bytes in blocks of 64; everything else is in blocks of 32.
  const blockSize = stored.shape.length === 2 ? 64 : 32;
  if (isTable(stored.name)) return valuesOfBlocks(stored, scales, columns, bits, blockSize);
  const byColumn = valuesOfBlocks(stored, scales, rows, bits, blockSize);
  return byColumn.map((_, k) => byColumn[(k % columns) * rows + Math.floor(k / columns)]!);
}

/** Computes the matrix [rows, width] whose rows are stored in blocks, padded. */
export function valuesOfBlocks(
  stored: OnnxTensor,
  scales: OnnxTensor,
  width: number,
  bits: 4 | 8,
  blockSize: number,
): Float32Array<ArrayBuffer> {
  const rows = stored.shape[0]!;
  const blocks = elementCount(scales.shape) / rows;
  const rowBytes = stored.data.length / rows;
  const factors = floats(scales);
  const values = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const byte = stored.data[row * rowBytes + ((i * bits) >> 3)]!;
      const integer = bits === 8 ? byte - 128 : (i & 1 ? byte >> 4 : byte & 15) - 8;
      values[row * width + i] = integer * factors[row * blocks + Math.floor(i / blockSize)]!;
    }
  }
  return values;
}

/**
 * Whether the stored tensor has a row for each word: the embedding, or the output table of a model with a sampled
 * softmax.
 */
function isTable(name: string): boolean {
  return /\.embeddings\.u?int[48]$/.test(name);
}
