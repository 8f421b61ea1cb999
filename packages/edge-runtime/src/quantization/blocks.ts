/**
 * Stores weights as integers of 4 or 8 bits in blocks along the inputs, with one float scale for each block and an
 * offset: integer + 8, two in each byte (the first in the low half), or integer + 128. The operators run on every
 * engine, including WebGPU. Their activations stay float32. With `accuracy_level` 4 some processors round them to 8
 * bits, which is two or three times faster there but changes a token's score by up to 0.015 nats.
 */
import { float32Tensor, int64Tensor, type OnnxNode, type OnnxTensor } from '@unroll/core/onnx';
import { columnsOf, type Matrix, rowsOf } from './matrix.js';
import { roundToInt4, roundToInt8 } from './rounding.js';
import type { Scheme } from './scheme.js';

type Bits = 4 | 8;

/** Block size of products, and of tables that a product reads too. The kernels are made for it. */
const blockSize = 32;

/**
 * Block size of tables that are only looked up. It halves the bytes of scales; embeddings tolerate this better than
 * products.
 */
const tableBlockSize = 64;

export const int4: Scheme = inBlocks(4);

/** 8 bits where `DynamicQuantizeMatMul`, with its single scale for each column, has no kernel. */
export const int8Blocks: Scheme = inBlocks(8);

function inBlocks(bits: Bits): Scheme {
  return {
    product({ input, weight, transposed, output }) {
      const matrix = transposed ? rowsOf(weight) : columnsOf(weight);
      const { quantized, scale } = quantizeBlocks(weight.name, matrix, bits);
      const node = {
        opType: 'MatMulNBits',
        domain: 'com.microsoft',
        inputs: [input, quantized.name, scale.name],
        outputs: [output],
        attributes: {
          K: { i: matrix.columns },
          N: { i: matrix.rows },
          bits: { i: bits },
          block_size: { i: blockSize },
        },
      };
      return { nodes: [node], initializers: [quantized, scale] };
    },

    lookup({ table, ids, output, tied }) {
      return tied ? tiedLookup(table, ids, output, bits) : plainLookup(table, ids, output, bits);
    },
  };
}

/** A lookup in a table that no product reads, whose rows need no padding. */
function plainLookup(table: OnnxTensor, ids: string, output: string, bits: Bits) {
  const matrix = rowsOf(table);
  const blocks = Math.ceil(matrix.columns / tableBlockSize);
  const whole = quantizeBlocks(table.name, matrix, bits, tableBlockSize);
  const rowBytes = (matrix.columns * bits) / 8;
  if (!Number.isInteger(rowBytes)) return tiedLookup(table, ids, output, bits); // else a row would end with half a byte
  const paddedBytes = (blocks * tableBlockSize * bits) / 8;
  const data = new Uint8Array(matrix.rows * rowBytes);
  for (let row = 0; row < matrix.rows; row++) {
    data.set(whole.quantized.data.subarray(row * paddedBytes, row * paddedBytes + rowBytes), row * rowBytes);
  }
  const quantized: OnnxTensor = { ...whole.quantized, shape: [matrix.rows, rowBytes], data };
  const node = gatherNode([quantized.name, ids, whole.scale.name], output, 1, bits, tableBlockSize);
  return { nodes: [node], initializers: [quantized, whole.scale] };
}

/** A lookup in a table in the product's format: rows padded to whole blocks, scales in a matrix of blocks. */
function tiedLookup(table: OnnxTensor, ids: string, output: string, bits: Bits) {
  const matrix = rowsOf(table);
  const { quantized, scale } = quantizeBlocks(table.name, matrix, bits);
  const name = (part: string) => `${output}.${part}`;
  const blocks = quantized.shape[1]!;
  const scaleShape = int64Tensor(name('scaleShape'), [-1, blocks, 1]); // the lookup requires scales of the table's rank
  const rowShape = int64Tensor(name('rowShape'), [-1, blocks * blockSize]);
  const bounds = [
    int64Tensor(name('start'), [0]),
    int64Tensor(name('end'), [matrix.columns]),
    int64Tensor(name('axis'), [1]),
  ];
  const nodes: OnnxNode[] = [
    { opType: 'Reshape', inputs: [scale.name, scaleShape.name], outputs: [name('scale')] },
    gatherNode([quantized.name, ids, name('scale')], name('blocks'), 2, bits, blockSize), // [ids, blocks, 32]
    { opType: 'Reshape', inputs: [name('blocks'), rowShape.name], outputs: [name('padded')] },
    { opType: 'Slice', inputs: [name('padded'), ...bounds.map((bound) => bound.name)], outputs: [output] },
  ];
  return { nodes, initializers: [quantized, scale, scaleShape, rowShape, ...bounds] };
}

function gatherNode(inputs: readonly string[], output: string, axis: number, bits: Bits, block: number): OnnxNode {
  const attributes = {
    gather_axis: { i: 0 },
    quantize_axis: { i: axis },
    bits: { i: bits },
    block_size: { i: block },
  };
  return { opType: 'GatherBlockQuantized', domain: 'com.microsoft', inputs, outputs: [output], attributes };
}

/**
 * Quantizes rows, padded with zeros to whole blocks: uint8 [rows, blocks, bytes of a block], and scales [rows, blocks].
 */
function quantizeBlocks(
  name: string,
  { rows, columns, readRow }: Matrix,
  bits: Bits,
  size: number = blockSize,
): { quantized: OnnxTensor; scale: OnnxTensor } {
  const blocks = Math.ceil(columns / size);
  const blockBytes = (size * bits) / 8;
  const bytes = new Uint8Array(rows * blocks * blockBytes);
  const scales = new Float32Array(rows * blocks);
  const row = new Float32Array(blocks * size);
  const integers = new Int8Array(size);
  const round = bits === 4 ? roundToInt4 : roundToInt8;
  for (let i = 0; i < rows; i++) {
    readRow(i, row);
    for (let block = 0; block < blocks; block++) {
      const index = i * blocks + block;
      scales[index] = round(row.subarray(block * size, (block + 1) * size), integers);
      pack(integers, bits, bytes.subarray(index * blockBytes, (index + 1) * blockBytes));
    }
  }
  return {
    quantized: { name: `${name}.int${bits}`, dtype: 'uint8', shape: [rows, blocks, blockBytes], data: bytes },
    scale: float32Tensor(`${name}.scale`, [rows, blocks], scales),
  };
}

function pack(integers: Int8Array, bits: Bits, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = bits === 8 ? integers[i]! + 128 : (integers[2 * i]! + 8) | ((integers[2 * i + 1]! + 8) << 4);
  }
}
