/**
 * `Int8MatMul`, the product of a float vector and int8 weights with the same result on every processor. It is a
 * function of standard operators, defined in the file. Two things make the results equal.
 *
 * - Weights are uint8 with zero point 128. On x86 processors without VNNI, ONNX Runtime's kernels for uint8 times int8
 *   add pairs of products in 16 bits, where they saturate: 255·127 + 255·127 becomes 32,767.
 * - Activations are the sum of two integers of 8 bits, the second in 254ths of a unit of the first. One product of
 *   integers multiplies both and reads the weights once, so it costs as much as a vector's product. The result equals
 *   that of the float vector to about 1e-5 of its size; 8 bits alone give 3e-3.
 */
import { elementTypes, type OnnxFunction, type OnnxNode } from '@unroll/core/onnx';

export const int8MatMulDomain = 'unroll';
export const int8MatMulName = 'Int8MatMul';

/** The offset added to a weight's integer for storage. */
export const weightZeroPoint = 128;

/**
 * Inputs: x [.., inputs] float32, weights [inputs, outputs] uint8, scales [outputs] float32. Output: y [.., outputs]
 * float32.
 */
export const int8MatMul: OnnxFunction = {
  domain: int8MatMulDomain,
  name: int8MatMulName,
  inputs: ['x', 'weights', 'scales'],
  outputs: ['y'],
  nodes: [
    node('Constant', [], 'zero.int', { value_int: { i: weightZeroPoint } }),
    node('Cast', ['zero.int'], 'zero.point', { to: { i: elementTypes.uint8 } }),
    constant('smallest', 1e-30), // gives a vector of zeros a unit too
    constant('unitsOfLargest', 1 / 127),
    constant('finer', 254),
    constant('coarser', 1 / 254),
    constant('one', 1),
    node('Abs', ['x'], 'sizes'),
    node('ReduceMax', ['sizes'], 'largest', { keepdims: { i: 0 } }),
    node('Max', ['largest', 'smallest'], 'range'),
    node('Mul', ['range', 'unitsOfLargest'], 'unit'),
    node('Div', ['x', 'unit'], 'units'),
    node('Round', ['units'], 'coarse'), // in [-127, 127]
    node('Sub', ['units', 'coarse'], 'rest'),
    node('Mul', ['rest', 'finer'], 'fine'), // in [-127, 127]
    node('Concat', ['coarse', 'fine'], 'both', { axis: { i: 0 } }),
    node('QuantizeLinear', ['both', 'one', 'zero.point'], 'integers'),
    node('MatMulInteger', ['integers', 'weights', 'zero.point', 'zero.point'], 'sums'),
    node('Cast', ['sums'], 'products', { to: { i: elementTypes.float32 } }),
    {
      opType: 'Split',
      inputs: ['products'],
      outputs: ['coarse.product', 'fine.product'],
      attributes: { axis: { i: 0 } },
    },
    node('Mul', ['fine.product', 'coarser'], 'fine.share'),
    node('Add', ['coarse.product', 'fine.share'], 'product'),
    node('Mul', ['product', 'unit'], 'unscaled'),
    node('Mul', ['unscaled', 'scales'], 'y'),
  ],
};

function constant(name: string, value: number): OnnxNode {
  return node('Constant', [], name, { value_float: { f: value } });
}

function node(
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: NonNullable<OnnxNode['attributes']> = {},
): OnnxNode {
  return { opType, inputs, outputs: [output], attributes };
}
