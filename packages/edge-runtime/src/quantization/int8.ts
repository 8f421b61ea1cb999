/** Weights as int8 with one float scale per output unit or table row; activations become uint8 when they arrive. */
import { bytesOf, float32Tensor, type OnnxTensor } from '@unroll/core/onnx';
import { columnsOf, type Matrix, rowsOf } from './matrix.js';
import { roundToInt8 } from './rounding.js';
import type { Scheme } from './scheme.js';

export const int8: Scheme = {
  product({ input, weight, transposed, output }) {
    const { integers, scales } = quantizeRows(transposed ? rowsOf(weight) : columnsOf(weight));
    const [outputs, inputs] = [scales.length, integers.length / scales.length];
    const quantized = int8Tensor(`${weight.name}.int8`, [inputs, outputs], transpose(integers, outputs, inputs));
    const scale = float32Tensor(`${weight.name}.scale`, [outputs], scales);
    const node = {
      opType: 'DynamicQuantizeMatMul',
      domain: 'com.microsoft',
      inputs: [input, quantized.name, scale.name],
      outputs: [output],
    };
    return { nodes: [node], initializers: [quantized, scale] };
  },

  lookup({ table, ids, output, tied }) {
    const { integers, scales } = quantizeRows(rowsOf(table));
    const [rows, width] = [scales.length, integers.length / scales.length];
    // A tied table is stored as its product wants it, [width, rows], and one column of it is read per token.
    const quantized = tied
      ? int8Tensor(`${table.name}.int8`, [width, rows], transpose(integers, rows, width))
      : int8Tensor(`${table.name}.int8`, [rows, width], integers);
    const scale = float32Tensor(`${table.name}.scale`, tied ? [rows] : [rows, 1], scales);
    const name = (part: string) => `${output}.${part}`;
    const nodes = [
      {
        opType: 'Gather',
        inputs: [quantized.name, ids],
        outputs: [name('int8')], // [ids, width], or [width, ids] if tied
        attributes: { axis: { i: tied ? 1 : 0 } },
      },
      { opType: 'Cast', inputs: [name('int8')], outputs: [name('unscaled')], attributes: { to: { i: 1 } } },
      { opType: 'Gather', inputs: [scale.name, ids], outputs: [name('scale')], attributes: { axis: { i: 0 } } },
      {
        opType: 'Mul',
        inputs: [name('unscaled'), name('scale')],
        outputs: [tied ? name('transposed') : output],
      },
    ];
    if (tied) nodes.push({ opType: 'Transpose', inputs: [name('transposed')], outputs: [output] });
    return { nodes, initializers: [quantized, scale] };
  },
};

function quantizeRows({ rows, columns, readRow }: Matrix): { integers: Int8Array; scales: Float32Array } {
  const integers = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  const row = new Float32Array(columns);
  for (let i = 0; i < rows; i++) {
    readRow(i, row);
    scales[i] = roundToInt8(row, integers.subarray(i * columns, (i + 1) * columns));
  }
  return { integers, scales };
}

function transpose(values: Int8Array, rows: number, columns: number): Int8Array {
  const transposed = new Int8Array(values.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) transposed[j * rows + i] = values[i * columns + j]!;
  }
  return transposed;
}

function int8Tensor(name: string, shape: readonly number[], values: Int8Array): OnnxTensor {
  return { name, dtype: 'int8', shape, data: bytesOf(values) };
}
