/**
 * The element types that an operator takes in both ONNX and ONNX Runtime on a CPU. TensorFlow.js also computes with
 * integers and booleans where no such operator exists; a graph with one could not be loaded.
 */
import type { OnnxDataType } from '../onnx/graph.js';

interface Operands {
  readonly types: readonly OnnxDataType[];
  /** Positions of the inputs that must all have the same one of these types; default all inputs. */
  readonly positions?: readonly number[];
}

const floats: Operands = { types: ['float32'] };
const numbers: Operands = { types: ['float32', 'int32'] };
const first = (operands: Operands): Operands => ({ ...operands, positions: [0] });

function each(opTypes: string, operands: Operands): [string, Operands][] {
  return opTypes.split(' ').map((opType) => [opType, operands]);
}

/** Operators that are not listed take any type. */
const operators: ReadonlyMap<string, Operands> = new Map([
  ...each(
    'Exp Log Sqrt Reciprocal Tanh Sigmoid Elu Selu Softplus Erf Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh DFT IsNaN Floor Ceil Round LeakyRelu PRelu',
    floats,
  ),
  ...each('Softmax LogSoftmax Gemm Sum Conv ConvTranspose AveragePool MaxPool BatchNormalization', floats),
  ...each('ReduceMean ReduceSumSquare Resize', first(floats)),
  ...each('NonMaxSuppression', { ...floats, positions: [0, 1] }),
  ...each(
    'Add Sub Mul Div Max Min Pow Greater GreaterOrEqual Less LessOrEqual Neg Abs Sign Relu Clip MatMul Mod Einsum',
    numbers,
  ),
  ...each('ReduceSum ReduceMax ReduceMin ReduceProd ArgMax ArgMin CumSum TopK', first(numbers)),
  ...each('Where', { ...numbers, positions: [1, 2] }),
  ...each('ScatterElements', { ...numbers, positions: [0, 2] }),
  ...each('And Or Not', { types: ['bool'] }),
  ...each('Equal', { types: ['float32', 'int32', 'bool'] }),
]);

/** Thrown if an operator is recorded with element types that it does not take. */
export class ElementTypeError extends Error {
  override readonly name = 'ElementTypeError';
  readonly found: readonly (OnnxDataType | undefined)[];
  readonly taken: readonly OnnxDataType[];

  constructor(opType: string, found: readonly (OnnxDataType | undefined)[], taken: readonly OnnxDataType[]) {
    super(`${opType} of ${found.join(' and ')} is not in ONNX Runtime, only of ${taken.join(' or ')}`);
    this.found = found;
    this.taken = taken;
  }
}

/**
 * Checks the element types of an operator's inputs.
 * @param inputs the element types
 * @throws ElementTypeError if the operator does not take one of them, or not their combination
 */
export function requireElementTypes(opType: string, inputs: readonly (OnnxDataType | undefined)[]): void {
  const operands = operators.get(opType);
  if (!operands) return;
  const found = (operands.positions ?? [...inputs.keys()]).map((position) => inputs[position]);
  const isTaken = found.every((type) => type !== undefined && operands.types.includes(type) && type === found[0]);
  if (!isTaken) throw new ElementTypeError(opType, [...new Set(found)], operands.types);
}
