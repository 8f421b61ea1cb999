/**
 * Stores weights as int8 in the file and as float32 in memory, by nodes of constants, which ONNX Runtime computes once,
 * when a session is created. Products take as long as in float32, and their activations are not rounded.
 */
import { bytesOf, elementTypes, float32Tensor, type OnnxTensor } from '@unroll/core/onnx';
import { columnsOf, rowsOf } from './matrix.js';
import { quantizeRows, transpose } from './rounding.js';
import type { Replacement } from './scheme.js';

/**
 * Nodes whose result is named `weight.name`.
 * @param byRow whether each row has a scale, rather than each column
 */
export function int8Weights(weight: OnnxTensor, byRow: boolean): Replacement {
  const { name, shape } = weight;
  const [rows, columns] = shape as [number, number];
  const { integers, scales } = quantizeRows(byRow ? rowsOf(weight) : columnsOf(weight));
  const data = bytesOf(byRow ? integers : transpose(integers, columns, rows));
  const quantized: OnnxTensor = { name: `${name}.int8`, dtype: 'int8', shape, data };
  const scale = float32Tensor(`${name}.scale`, byRow ? [rows, 1] : [columns], scales);
  const unscaled = `${name}.unscaled`;
  const nodes = [
    { opType: 'Cast', inputs: [quantized.name], outputs: [unscaled], attributes: { to: { i: elementTypes.float32 } } },
    { opType: 'Mul', inputs: [unscaled, scale.name], outputs: [name] },
  ];
  return { nodes, initializers: [quantized, scale] };
}
