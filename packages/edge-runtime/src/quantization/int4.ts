/**
 * Weights as 4-bit integers in blocks of 32 along the inputs, one float scale per block, two integers to a byte (the
 * first in the low half), stored as integer + 8. Rows are padded with zeros to whole blocks.
 */
import { float32Tensor, int64Tensor, type OnnxNode, type OnnxTensor } from '@unroll/core/onnx';
import { columnsOf, type Matrix, rowsOf } from './matrix.js';
import { roundToInt4 } from './rounding.js';
import type { Scheme } from './scheme.js';

const blockSize = 32;

export const int4: Scheme = {
  product({ input, weight, transposed, output }) {
    const matrix = transposed ? rowsOf(weight) : columnsOf(weight);
    const { quantized, scale } = quantizeBlocks(weight.name, matrix);
    const node = {
      opType: 'MatMulNBits',
      domain: 'com.microsoft',
      inputs: [input, quantized.name, scale.name],
      outputs: [output],
      attributes: {
        K: { i: matrix.columns },
        N: { i: matrix.rows },
        bits: { i: 4 },
        block_size: { i: blockSize },
        accuracy_level: { i: 4 }, // int8 activations where the engine has them: several times faster natively
      },
    };
    return { nodes: [node], initializers: [quantized, scale] };
  },

  lookup({ table, ids, output }) {
    const matrix = rowsOf(table);
    const { quantized, scale } = quantizeBlocks(table.name, matrix);
    const name = (part: string) => `${output}.${part}`;
    const blocks = quantized.shape[1]!;
    // The product takes scales as a matrix, the lookup wants them of the table's rank; both share one constant.
    const scaleShape = int64Tensor(name('scaleShape'), [-1, blocks, 1]);
    const rowShape = int64Tensor(name('rowShape'), [-1, blocks * blockSize]);
    const lookup: OnnxNode = {
      opType: 'GatherBlockQuantized',
      domain: 'com.microsoft',
      inputs: [quantized.name, ids, name('scale')],
      outputs: [name('blocks')], // [ids, blocks, 32]
      attributes: { gather_axis: { i: 0 }, quantize_axis: { i: 2 }, bits: { i: 4 }, block_size: { i: blockSize } },
    };
    const bounds = [
      int64Tensor(name('start'), [0]),
      int64Tensor(name('end'), [matrix.columns]),
      int64Tensor(name('axis'), [1]),
    ];
    const nodes: OnnxNode[] = [
      { opType: 'Reshape', inputs: [scale.name, scaleShape.name], outputs: [name('scale')] },
      lookup,
      { opType: 'Reshape', inputs: [name('blocks'), rowShape.name], outputs: [name('padded')] },
      { opType: 'Slice', inputs: [name('padded'), ...bounds.map((bound) => bound.name)], outputs: [output] },
    ];
    return { nodes, initializers: [quantized, scale, scaleShape, rowShape, ...bounds] };
  },
};

function quantizeBlocks(
  name: string,
  { rows, columns, readRow }: Matrix,
): { quantized: OnnxTensor; scale: OnnxTensor } {
  const blocks = Math.ceil(columns / blockSize);
  const bytes = new Uint8Array((rows * blocks * blockSize) / 2);
  const scales = new Float32Array(rows * blocks);
  const row = new Float32Array(blocks * blockSize);
  const integers = new Int8Array(blockSize);
  for (let i = 0; i < rows; i++) {
    readRow(i, row);
    for (let block = 0; block < blocks; block++) {
      const index = i * blocks + block;
      scales[index] = roundToInt4(row.subarray(block * blockSize, (block + 1) * blockSize), integers);
      pack(integers, bytes.subarray((index * blockSize) / 2));
    }
  }
  return {
    quantized: { name: `${name}.int4`, dtype: 'uint8', shape: [rows, blocks, blockSize / 2], data: bytes },
    scale: float32Tensor(`${name}.scale`, [rows, blocks], scales),
  };
}

function pack(integers: Int8Array, bytes: Uint8Array): void {
  for (let i = 0; i < blockSize / 2; i++) bytes[i] = (integers[2 * i]! + 8) | ((integers[2 * i + 1]! + 8) << 4);
}
