/**
 * Stores weights as int8 with one float scale for each output unit or table row. Products are `Int8MatMul`, which
 * requires integers with an offset of 128; a table that is only looked up is stored without offset.
 */
import { bytesOf, elementTypes, float32Tensor, type OnnxTensor } from '@unroll/core/onnx';
import { int8MatMul, int8MatMulDomain, int8MatMulName, weightZeroPoint } from './int8-matmul.js';
import { columnsOf, rowsOf } from './matrix.js';
import { quantizeRows, transpose } from './rounding.js';
import type { Lookup, Replacement, Scheme } from './scheme.js';

export const int8: Scheme = {
  product({ input, weight, transposed, output }) {
    const { quantized, scale } = productWeights(weight, transposed);
    const node = {
      opType: int8MatMulName,
      domain: int8MatMulDomain,
      inputs: [input, quantized.name, scale.name],
      outputs: [output],
    };
    return { nodes: [node], initializers: [quantized, scale], functions: [int8MatMul] };
  },

  lookup(lookup) {
    return lookup.tied ? tiedLookup(lookup) : plainLookup(lookup);
  },
};

function plainLookup({ table, ids, output }: Lookup): Replacement {
  const { integers, scales } = quantizeRows(rowsOf(table));
  const [rows, width] = [scales.length, integers.length / scales.length];
  const quantized: OnnxTensor = {
    name: `${table.name}.int8`,
    dtype: 'int8',
    shape: [rows, width],
    data: bytesOf(integers),
  };
  const scale = float32Tensor(`${table.name}.scale`, [rows, 1], scales);
  const name = (part: string) => `${output}.${part}`;
  const nodes = [
    { opType: 'Gather', inputs: [quantized.name, ids], outputs: [name('int8')], attributes: { axis: { i: 0 } } }, // [ids, width]
    toFloat32(name('int8'), name('unscaled')),
    { opType: 'Gather', inputs: [scale.name, ids], outputs: [name('scale')], attributes: { axis: { i: 0 } } },
    { opType: 'Mul', inputs: [name('unscaled'), name('scale')], outputs: [output] },
  ];
  return { nodes, initializers: [quantized, scale] };
}

/** Looks up one column for each token: a tied table is stored in its product's format, [width, rows]. */
function tiedLookup({ table, ids, output }: Lookup): Replacement {
  const { quantized, scale } = productWeights(table, true);
  const name = (part: string) => `${output}.${part}`;
  const offset = float32Tensor(name('offset'), [], [-weightZeroPoint]);
  const nodes = [
    { opType: 'Gather', inputs: [quantized.name, ids], outputs: [name('uint8')], attributes: { axis: { i: 1 } } }, // [width, ids]
    toFloat32(name('uint8'), name('stored')),
    { opType: 'Add', inputs: [name('stored'), offset.name], outputs: [name('unscaled')] },
    { opType: 'Gather', inputs: [scale.name, ids], outputs: [name('scale')], attributes: { axis: { i: 0 } } },
    { opType: 'Mul', inputs: [name('unscaled'), name('scale')], outputs: [name('transposed')] },
    { opType: 'Transpose', inputs: [name('transposed')], outputs: [output] },
  ];
  return { nodes, initializers: [quantized, scale, offset] };
}

function toFloat32(input: string, output: string) {
  return { opType: 'Cast', inputs: [input], outputs: [output], attributes: { to: { i: elementTypes.float32 } } };
}

/**
 * Quantizes weights to uint8 [inputs, outputs], integers + 128, and scales [outputs].
 * @param transposed whether the weight is [outputs, inputs]
 */
function productWeights(weight: OnnxTensor, transposed: boolean): { quantized: OnnxTensor; scale: OnnxTensor } {
  const { integers, scales } = quantizeRows(transposed ? rowsOf(weight) : columnsOf(weight));
  const [outputs, inputs] = [scales.length, integers.length / scales.length];
  const data = Uint8Array.from(transpose(integers, outputs, inputs), (integer) => integer + weightZeroPoint);
  return {
    quantized: { name: `${weight.name}.uint8`, dtype: 'uint8', shape: [inputs, outputs], data },
    scale: float32Tensor(`${weight.name}.scale`, [outputs], scales),
  };
}
