/** A matrix of weights for quantization: rows to read, in whichever orientation the graph stores them. */
import type { OnnxTensor } from '@unroll/core/onnx';

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Copies row `index` to the head of `target`. */
  readRow(index: number, target: Float32Array): void;
}

/** The matrix of a two-dimensional float32 tensor. */
export function rowsOf(tensor: OnnxTensor): Matrix {
  const [rows, columns] = tensor.shape as [number, number];
  const values = floats(tensor);
  return {
    rows,
    columns,
    readRow: (index, target) => target.set(values.subarray(index * columns, (index + 1) * columns)),
  };
}

/** The transposed matrix of a two-dimensional float32 tensor. */
export function columnsOf(tensor: OnnxTensor): Matrix {
  const [height, width] = tensor.shape as [number, number];
  const values = floats(tensor);
  return {
    rows: width,
    columns: height,
    readRow: (index, target) => {
      for (let i = 0; i < height; i++) target[i] = values[i * width + index]!;
    },
  };
}

/** The elements of a float32 tensor; copied only if its bytes are not aligned. */
export function floats(tensor: OnnxTensor): Float32Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return byteOffset % 4 === 0
    ? new Float32Array(buffer, byteOffset, byteLength / 4)
    : new Float32Array(tensor.data.slice().buffer);
}
