/**
 * Compiles the ONNX graph of a decoding step to instructions for a machine. It knows the few operators that `unroll
 * export` writes, on vectors, and refuses anything else, which ONNX Runtime then runs.
 */
import { float32Tensor, int64Values, type OnnxGraph, type OnnxNode, type OnnxTensor } from '@unroll/core/onnx';
import { valuesOfBlocks } from '../quantization/dequantize.js';
import { blockLookup, lookup } from './lookups.js';
import { elementsOf, type Instruction, type Machine, MemoryLayout, type Vector } from './machine.js';
import { blockSize, float32Product, int4Product, int8Product } from './products.js';

/** Thrown for a graph with something that this decoder does not know. */
export class UnknownOperator extends Error {}

export interface DecodingProgram {
  readonly layout: MemoryLayout;
  readonly instructions: readonly Instruction[];
  /** The vectors of the state and of the results, by name. */
  readonly inputs: ReadonlyMap<string, Vector>;
  readonly outputs: ReadonlyMap<string, Vector>;
}

/**
 * Compiles a graph.
 * @throws UnknownOperator
 */
export function compileDecoder(graph: OnnxGraph): DecodingProgram {
  return new Compiler(graph).compile();
}

type Elementwise = 'add' | 'sub' | 'mul' | 'div';

class Compiler {
  readonly #graph: OnnxGraph;
  readonly #layout = new MemoryLayout();
  readonly #instructions: Instruction[] = [];
  readonly #constants: Map<string, OnnxTensor>;
  readonly #vectors = new Map<string, Vector>();
  /** The names of the token's values, in any shape. */
  readonly #tokens = new Set(['ids']);

  readonly #operators: Readonly<Record<string, (node: OnnxNode) => void>> = {
    Reshape: (node) => this.#alias(node),
    Identity: (node) => this.#alias(node),
    Transpose: (node) => this.#alias(node), // only of a single row or column
    Cast: (node) => this.#alias(node), // only of lookups, whose results are float32 already
    Split: (node) => this.#split(node),
    Slice: (node) => this.#slice(node),
    Gather: (node) => this.#lookup(node),
    GatherBlockQuantized: (node) => this.#blockLookup(node),
    MatMul: (node) => this.#product(node),
    Gemm: (node) => this.#product(node),
    Int8MatMul: (node) => this.#int8Product(node),
    DynamicQuantizeMatMul: (node) => this.#int8Product(node), // written by older exports
    MatMulNBits: (node) => this.#blockProduct(node),
    Sigmoid: (node) => this.#function(node, 'sigmoid'),
    Tanh: (node) => this.#function(node, 'tanh'),
    Add: (node) => this.#elementwise(node, 'add'),
    Sub: (node) => this.#elementwise(node, 'sub'),
    Mul: (node) => this.#elementwise(node, 'mul'),
    Div: (node) => this.#elementwise(node, 'div'),
    LogSoftmax: (node) => this.#logSoftmax(node),
    Concat: (node) => this.#concat(node),
  };

  constructor(graph: OnnxGraph) {
    this.#graph = graph;
    this.#constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  }

  compile(): DecodingProgram {
    const inputs = new Map<string, Vector>();
    for (const { name, shape } of this.#graph.inputs) {
      if (name !== 'ids') inputs.set(name, this.#result(name, Number(shape[1])));
    }
    for (const node of this.#graph.nodes) this.#add(node);
    const outputs = new Map(this.#graph.outputs.map(({ name }) => [name, this.#vector(name)]));
    return { layout: this.#layout, instructions: this.#instructions, inputs, outputs };
  }

  #add(node: OnnxNode): void {
    const compileNode = this.#operators[node.opType];
    if (!compileNode) throw new UnknownOperator(`${node.opType} is not an operator of decoding steps`);
    compileNode(node);
  }

  #alias({ inputs, outputs }: OnnxNode): void {
    const [from, to] = [inputs[0]!, outputs[0]!];
    const constant = this.#constants.get(from);
    if (this.#tokens.has(from)) this.#tokens.add(to);
    else if (constant) this.#constants.set(to, constant);
    else this.#vectors.set(to, this.#vector(from));
  }

  #split({ inputs, outputs }: OnnxNode): void {
    const sizes = integers(this.#constant(inputs[1]!));
    let { offset } = this.#vector(inputs[0]!);
    for (const [i, name] of outputs.entries()) {
      this.#vectors.set(name, { offset, length: sizes[i]! });
      offset += 4 * sizes[i]!;
    }
  }

  #slice({ inputs, outputs }: OnnxNode): void {
    const [start, end] = [inputs[1]!, inputs[2]!].map((name) => integers(this.#constant(name))[0]!);
    const { offset } = this.#vector(inputs[0]!);
    this.#vectors.set(outputs[0]!, { offset: offset + 4 * start!, length: end! - start! });
  }

  #lookup(node: OnnxNode): void {
    const table = this.#tableOf(node);
    const axis = attribute(node, 'axis', 0) === 1 ? 1 : 0;
    const y = this.#result(node.outputs[0]!, table.shape[1 - axis] ?? 1);
    this.#instructions.push(lookup(this.#layout, table, axis, y));
  }

  #blockLookup(node: OnnxNode): void {
    const table = this.#tableOf(node);
    const bits = bitsOf(node);
    const y = this.#result(node.outputs[0]!, ((8 / bits) * table.data.length) / table.shape[0]!);
    const scales = this.#constant(node.inputs[2]!);
    this.#instructions.push(blockLookup(this.#layout, table, scales, bits, attribute(node, 'block_size', 128), y));
  }

  #tableOf({ inputs }: OnnxNode): OnnxTensor {
    if (!this.#tokens.has(inputs[1]!)) throw new UnknownOperator('a lookup of something else than the token');
    return this.#constant(inputs[0]!);
  }

  #product(node: OnnxNode): void {
    const weights = this.#constant(node.inputs[1]!);
    const transposed = attribute(node, 'transB', 0) === 1;
    if (node.opType === 'Gemm' && (attribute(node, 'transA', 0) !== 0 || isScaled(node))) {
      throw new UnknownOperator('a Gemm that is scaled, or whose first matrix is transposed');
    }
    const x = this.#vector(node.inputs[0]!);
    const y = this.#result(node.outputs[0]!, weights.shape[transposed ? 0 : 1]!);
    this.#instructions.push(float32Product(this.#layout, weights, transposed, { x, y }));
    if (!node.inputs[2]) return;
    const bias = this.#vector(node.inputs[2]);
    this.#instructions.push(({ kernels }) => kernels.add(y.offset, bias.offset, y.offset, y.length));
  }

  #int8Product({ inputs, outputs }: OnnxNode): void {
    const [weights, scales] = [this.#constant(inputs[1]!), this.#constant(inputs[2]!)];
    const x = this.#vector(inputs[0]!);
    const y = this.#result(outputs[0]!, weights.shape[1]!);
    this.#instructions.push(int8Product(this.#layout, weights, scales, { x, y }));
  }

  /**
   * Multiplies by weights in blocks. 4-bit blocks have their own kernel; 8-bit blocks, in bundles for WebGPU, are
   * multiplied in float32.
   */
  #blockProduct(node: OnnxNode): void {
    const bits = bitsOf(node);
    if (attribute(node, 'block_size', 0) !== blockSize) {
      throw new UnknownOperator(`a product with weights in blocks of other than ${blockSize}`);
    }
    const [weights, scales] = [this.#constant(node.inputs[1]!), this.#constant(node.inputs[2]!)];
    const x = this.#vector(node.inputs[0]!);
    const y = this.#result(node.outputs[0]!, weights.shape[0]!);
    if (bits === 4) {
      this.#instructions.push(int4Product(this.#layout, weights, scales, { x, y }));
      return;
    }
    const values = valuesOfBlocks(weights, scales, x.length, bits, blockSize);
    const floats = float32Tensor(weights.name, [y.length, x.length], values);
    this.#instructions.push(float32Product(this.#layout, floats, true, { x, y }));
  }

  #function({ inputs, outputs }: OnnxNode, name: 'sigmoid' | 'tanh'): void {
    const x = this.#vector(inputs[0]!);
    const y = this.#result(outputs[0]!, x.length);
    this.#instructions.push(({ kernels }) => kernels[name](x.offset, y.offset, y.length));
  }

  #elementwise({ inputs, outputs }: OnnxNode, name: Elementwise): void {
    const b = this.#vector(inputs[1]!);
    const a = this.#vectorOf(b.length, inputs[0]!);
    const y = this.#result(outputs[0]!, a.length);
    if (b.length === a.length) {
      this.#instructions.push(({ kernels }) => kernels[name](a.offset, b.offset, y.offset, y.length));
    } else if (name === 'mul' && b.length === 1) {
      this.#instructions.push((machine) => scale(machine, a, b, y));
    } else if (name === 'add' && b.length === 1) {
      this.#instructions.push((machine) => shift(machine, a, b, y));
    } else {
      throw new UnknownOperator(`${name} of vectors of ${a.length} and ${b.length} elements`);
    }
  }

  #logSoftmax({ inputs, outputs }: OnnxNode): void {
    const x = this.#vector(inputs[0]!);
    const y = this.#result(outputs[0]!, x.length);
    this.#instructions.push((machine) => logSoftmax(elementsOf(machine, x), elementsOf(machine, y)));
  }

  #concat({ inputs, outputs }: OnnxNode): void {
    const parts = inputs.map((name) => this.#vector(name));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const y = this.#result(outputs[0]!, length);
    let from = 0;
    for (const part of parts) {
      const start = from;
      this.#instructions.push((machine) => elementsOf(machine, y).set(elementsOf(machine, part), start));
      from += part.length;
    }
  }

  #constant(name: string): OnnxTensor {
    const tensor = this.#constants.get(name);
    if (!tensor) throw new UnknownOperator(`'${name}' is not a constant`);
    return tensor;
  }

  /** The vector of this name. A float constant becomes a vector on first use. */
  #vector(name: string): Vector {
    const known = this.#vectors.get(name);
    if (known) return known;
    const tensor = this.#constant(name);
    if (tensor.dtype !== 'float32') throw new UnknownOperator(`'${name}' is a vector of ${tensor.dtype}`);
    const vector = { offset: this.#layout.constant(tensor.data), length: tensor.data.length / 4 };
    this.#vectors.set(name, vector);
    return vector;
  }

  /** Like {@link #vector}, but repeats a constant of one element to this length. */
  #vectorOf(length: number, name: string): Vector {
    const vector = this.#vector(name);
    if (vector.length !== 1 || !this.#constants.has(name)) return vector;
    const repeated = this.#layout.vector(length);
    this.#layout.fill((machine) => elementsOf(machine, repeated).fill(elementsOf(machine, vector)[0]!));
    return repeated;
  }

  #result(name: string, length: number): Vector {
    const vector = this.#layout.vector(length);
    this.#vectors.set(name, vector);
    return vector;
  }
}

function scale({ float32 }: Machine, a: Vector, factor: Vector, y: Vector): void {
  const by = float32[factor.offset / 4]!;
  for (let i = 0; i < y.length; i++) float32[y.offset / 4 + i] = float32[a.offset / 4 + i]! * by;
}

function shift({ float32 }: Machine, a: Vector, by: Vector, y: Vector): void {
  const amount = float32[by.offset / 4]!;
  for (let i = 0; i < y.length; i++) float32[y.offset / 4 + i] = float32[a.offset / 4 + i]! + amount;
}

function logSoftmax(x: Float32Array, y: Float32Array): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of x) if (value > largest) largest = value;
  let sum = 0;
  for (const value of x) sum += Math.exp(value - largest);
  const logSum = largest + Math.log(sum);
  for (let i = 0; i < x.length; i++) y[i] = x[i]! - logSum;
}

function attribute(node: OnnxNode, name: string, byDefault: number): number {
  const value = node.attributes?.[name];
  return value && 'i' in value ? value.i : byDefault;
}

function bitsOf(node: OnnxNode): 4 | 8 {
  const bits = attribute(node, 'bits', 4);
  if (bits !== 4 && bits !== 8) throw new UnknownOperator(`weights of ${bits} bits`);
  return bits;
}

function isScaled(node: OnnxNode): boolean {
  return ['alpha', 'beta'].some((name) => {
    const value = node.attributes?.[name];
    return value !== undefined && !('f' in value && value.f === 1);
  });
}

function integers(tensor: OnnxTensor): number[] {
  if (tensor.dtype !== 'int64') throw new UnknownOperator(`sizes of type ${tensor.dtype}`);
  return int64Values(tensor);
}
