/** Matrix products. */
import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';
import { activated } from './fused-activation.js';
import type { KernelCall, Lowering, LoweringTable } from './lowering.js';

interface Product {
  readonly a: TensorInfo;
  readonly b: TensorInfo;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

function product({ inputs, attrs }: KernelCall): Product {
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  return { a, b, transposeA: Boolean(attrs.transposeA), transposeB: Boolean(attrs.transposeB) };
}

/** tf.matMul always calls BatchMatMul, with leading dimensions of 1 for plain matrices. Gemm takes only floats. */
const batchMatMul: Lowering = (call) => {
  const operands = product(call);
  const batch = batchShape(operands);
  return batch.every((dimension) => dimension === 1) && operands.a.dtype === 'float32'
    ? gemm(call.graph, operands)
    : batchedMatMul(call.graph, operands, batch);
};

function batchShape({ a, b }: Product): number[] {
  return backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
}

function outputMatrix({ a, b, transposeA, transposeB }: Product): [number, number] {
  return [a.shape.at(transposeA ? -1 : -2)!, b.shape.at(transposeB ? -2 : -1)!];
}

function gemm(graph: GraphRecorder, operands: Product, bias?: TensorInfo): TensorInfo {
  const { a, b, transposeA, transposeB } = operands;
  const shape = outputMatrix(operands);
  const inputs = [asMatrix(graph, a), asMatrix(graph, b), ...(bias ? [asAddend(graph, bias)] : [])];
  const attributes = { transA: { i: Number(transposeA) }, transB: { i: Number(transposeB) } };
  const result = graph.emit('Gemm', inputs, { shape, dtype: 'float32' }, { attributes });
  return reshape(graph, result, [...batchShape(operands), ...shape]);
}

function batchedMatMul(graph: GraphRecorder, operands: Product, batch: number[]): TensorInfo {
  const { a, b, transposeA, transposeB } = operands;
  const left = transposeA ? transposed(graph, a) : a;
  const right = transposeB ? transposed(graph, b) : b;
  return graph.emit('MatMul', [left, right], { shape: [...batch, ...outputMatrix(operands)], dtype: a.dtype });
}

function transposed(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  const rank = x.shape.length;
  const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
  const shape = perm.map((axis) => x.shape[axis]!);
  return graph.emit('Transpose', [x], { shape, dtype: x.dtype }, { attributes: { perm: { ints: perm } } });
}

/** ONNX Runtime's WebGPU provider takes no scalars, and no Gemm more than two dimensions. */
function asAddend(graph: GraphRecorder, bias: TensorInfo): TensorInfo {
  return reshape(graph, bias, bias.shape.length === 0 ? [1] : bias.shape.slice(-2));
}

function asMatrix(graph: GraphRecorder, x: TensorInfo): TensorInfo {
  return reshape(graph, x, x.shape.slice(-2));
}

function reshape(graph: GraphRecorder, x: TensorInfo, shape: number[]): TensorInfo {
  if (shape.length === x.shape.length) return x;
  return graph.emit('Reshape', [x, graph.int64(shape)], { shape, dtype: x.dtype });
}

const fusedMatMul: Lowering = (call) => {
  const operands = product(call);
  return activated(call, withBias(call, operands, batchShape(operands)));
};

function withBias({ inputs: { bias }, graph }: KernelCall, operands: Product, batch: number[]): TensorInfo {
  if (batch.every((dimension) => dimension === 1)) return gemm(graph, operands, bias);
  const linear = batchedMatMul(graph, operands, batch);
  return bias ? graph.emit('Add', [linear, bias], linear) : linear;
}

const einsum: Lowering = ({ inputs, attrs, graph }) => {
  const operands = Object.values(inputs);
  const equation = (attrs.equation as string).replaceAll(/\s/g, '');
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, operands.length);
  backend_util.checkEinsumDimSizes(
    allDims.length,
    idDims,
    operands as Parameters<typeof backend_util.checkEinsumDimSizes>[2],
  );
  const sizeOf = (dim: number) => {
    const operand = idDims.findIndex((dims) => dims.includes(dim));
    return operands[operand]!.shape[idDims[operand]!.indexOf(dim)]!;
  };
  const shape = [...allDims.keys()].filter((dim) => !summedDims.includes(dim)).map(sizeOf);
  return graph.emit(
    'Einsum',
    operands,
    { shape, dtype: operands[0]!.dtype },
    { attributes: { equation: { s: equation } } },
  );
};

export const matrix: LoweringTable = { BatchMatMul: batchMatMul, _FusedMatMul: fusedMatMul, Einsum: einsum };
