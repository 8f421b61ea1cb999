/** Elementwise TensorFlow.js kernels: arithmetic, activations, comparisons, casts. */
import { backend_util, type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';
import { castTo, commonType } from './casting.js';
import { elu, expm1, log1p, selu } from './exponential.js';
import type { Lowering, LoweringTable } from './lowering.js';
import { isNaNOf } from './not-a-number.js';

const broadcast = backend_util.assertAndGetBroadcastShape;

export function unary(opType: string): Lowering {
  return ({ inputs: { x }, graph }) => graph.emit(opType, [x!], x!);
}

function composed(compute: (graph: GraphRecorder, x: TensorInfo) => TensorInfo): Lowering {
  return ({ inputs: { x }, graph }) => compute(graph, x!);
}

function binary(opType: string, dtype?: DataType): Lowering {
  return ({ inputs, graph }) => {
    const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
    return graph.emit(opType, [a, b], { shape: broadcast(a.shape, b.shape), dtype: dtype ?? a.dtype });
  };
}

/**
 * Adds two tensors. No node is recorded for a constant zero, which TensorFlow.js adds for outputs without gradients.
 */
const add: Lowering = (call) => {
  const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
  const sameShape = (x: TensorInfo) => x.shape.join() === broadcast(a.shape, b.shape).join();
  if (sameShape(b) && isZero(call.graph, a)) return call.graph.alias(b);
  if (sameShape(a) && isZero(call.graph, b)) return call.graph.alias(a);
  return binary('Add')(call);
};

function isZero(graph: GraphRecorder, tensor: TensorInfo): boolean {
  return graph.valuesOf(tensor.dataId)?.every((value) => value === 0) ?? false;
}

const square: Lowering = ({ inputs: { x }, graph }) => graph.emit('Mul', [x!, x!], x!);

const squaredDifference: Lowering = ({ inputs, graph }) => {
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  const difference = graph.emit('Sub', [a, b], { shape: broadcast(a.shape, b.shape), dtype: a.dtype });
  return graph.emit('Mul', [difference, difference], difference);
};

const rsqrt: Lowering = ({ inputs: { x }, graph }) => graph.emit('Reciprocal', [graph.emit('Sqrt', [x!], x!)], x!);

const notEqual: Lowering = (call) => {
  const equal = binary('Equal', 'bool')(call) as TensorInfo;
  return call.graph.emit('Not', [equal], equal);
};

/** Raises to powers as JavaScript does: 1 or −1 to the power of NaN or an infinity is NaN, where IEEE 754 says 1. */
const pow: Lowering = (call) => {
  const { inputs, graph } = call;
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  const power = binary('Pow')(call) as TensorInfo;
  if (b.dtype !== 'float32' || graph.valuesOf(b.dataId)?.every(Number.isFinite)) return power;
  const bool = (shape: number[]) => ({ shape, dtype: 'bool' as const });
  const isOne = graph.emit('Equal', [graph.emit('Abs', [a], a), graph.scalar(1)], bool(a.shape));
  const isNotFinite = isNaNOf(graph, graph.emit('Sub', [b, b], b));
  const isUndefined = graph.emit('And', [isOne, isNotFinite], bool(power.shape));
  return graph.emit('Where', [isUndefined, graph.scalar(Number.NaN), power], power);
};

/** 1 where x > 0, else `alpha`; NaN stays. */
const step: Lowering = ({ inputs: { x }, attrs, graph }) => {
  const alpha = (attrs.alpha as number | undefined) ?? 0;
  // The gradient of relu has this step: two operators that keep NaN.
  if (alpha === 0) return graph.emit('Sign', [graph.emit('Relu', [x!], x!)], x!);
  const scalar = (value: number) => graph.scalar(value, x!.dtype);
  const positive = graph.emit('Greater', [x!, scalar(0)], { shape: x!.shape, dtype: 'bool' });
  const steps = graph.emit('Where', [positive, scalar(1), scalar(alpha)], x!);
  return x!.dtype === 'float32' ? graph.emit('Where', [isNaNOf(graph, x!), x!, steps], x!) : steps;
};

function clipped(graph: GraphRecorder, x: TensorInfo, least: number, greatest: number): TensorInfo {
  return graph.emit('Clip', [x, graph.scalar(least, x.dtype), graph.scalar(greatest, x.dtype)], x);
}

const clipByValue: Lowering = ({ inputs: { x }, attrs, graph }) =>
  clipped(graph, x!, attrs.clipValueMin as number, attrs.clipValueMax as number);

/** Chooses booleans as integers, because ONNX Runtime's Where does not take booleans. */
const select: Lowering = ({ inputs, graph }) => {
  const { condition, t, e } = inputs as Record<'condition' | 't' | 'e', TensorInfo>;
  const type = commonType(t, e);
  const chosenType = type === 'bool' ? 'int32' : type;
  const operands = [condition, castTo(graph, t, chosenType), castTo(graph, e, chosenType)];
  return castTo(graph, graph.emit('Where', operands, { shape: t.shape, dtype: chosenType }), type);
};

const cast: Lowering = ({ inputs: { x }, attrs, graph }) => castTo(graph, x!, attrs.dtype as DataType);

/** Converts the input to floats first, for kernels whose result is always of floats. */
export function asFloats(lowering: Lowering): Lowering {
  return (call) => lowering({ ...call, inputs: { ...call.inputs, x: castTo(call.graph, call.inputs.x!, 'float32') } });
}

/** Computes in floats and gives integers for integers, as the cpu backend does. */
export function keepingType(lowering: Lowering): Lowering {
  return (call) => {
    const x = call.inputs.x!;
    if (x.dtype !== 'int32') return lowering(call);
    return castTo(call.graph, asFloats(lowering)(call) as TensorInfo, 'int32');
  };
}

/** Rounds; integers stay as they are. */
function rounding(opType: 'Round' | 'Floor' | 'Ceil'): Lowering {
  return (call) => (call.inputs.x!.dtype === 'int32' ? call.graph.alias(call.inputs.x!) : unary(opType)(call));
}

/** Compares; booleans as the integers 0 and 1, because ONNX Runtime compares only numbers. */
function comparison(opType: string): Lowering {
  return (call) => {
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    const type = commonType(a, b) === 'bool' ? 'int32' : commonType(a, b);
    const [first, second] = [a, b].map((x) => castTo(call.graph, x, type)) as [TensorInfo, TensorInfo];
    return binary(opType, 'bool')({ ...call, inputs: { a: first, b: second } });
  };
}

const addN: Lowering = ({ inputs, graph }) => {
  const terms = Object.values(inputs);
  if (terms[0]!.dtype === 'float32') return graph.emit('Sum', terms, terms[0]!);
  return terms.reduce((total, term) => graph.emit('Add', [total, term], total));
};

const softmax: Lowering = ({ inputs: { logits }, graph }) =>
  graph.emit('Softmax', [logits!], logits!, { attributes: { axis: { i: -1 } } });

/** dy where the output y is not negative, else dy·(y + 1). */
const eluGrad: Lowering = ({ inputs, graph }) => {
  const { dy, y } = inputs as { dy: TensorInfo; y: TensorInfo };
  const slope = graph.emit('Add', [graph.emit('Min', [y, graph.scalar(0)], y), graph.scalar(1)], y);
  return graph.emit('Mul', [dy, slope], y);
};

const relu6: Lowering = ({ inputs: { x }, graph }) => clipped(graph, x!, 0, 6);

const leakyRelu: Lowering = ({ inputs: { x }, attrs, graph }) =>
  graph.emit('LeakyRelu', [x!], x!, { attributes: { alpha: { f: attrs.alpha as number } } });

const prelu: Lowering = ({ inputs, graph }) => {
  const [x, alpha] = [inputs.x!, inputs.alpha!].map((tensor) => castTo(graph, tensor, 'float32')) as [
    TensorInfo,
    TensorInfo,
  ];
  const type = { shape: broadcast(x.shape, alpha.shape), dtype: 'float32' } as const;
  if (util.arraysEqual(type.shape, x.shape)) return graph.emit('PRelu', [x, alpha], x);
  // PRelu gives its result the shape of x.
  const isNegative = graph.emit('Less', [x, graph.scalar(0)], { shape: x.shape, dtype: 'bool' });
  return graph.emit('Where', [isNegative, graph.emit('Mul', [x, alpha], type), x], type);
};

/** Compares sizes with infinity. Integers are finite. */
function sizeTest(opType: 'Equal' | 'Less'): Lowering {
  return asFloats(({ inputs: { x }, graph }) => {
    const size = graph.emit('Abs', [x!], x!);
    return graph.emit(opType, [size, graph.scalar(Number.POSITIVE_INFINITY)], { shape: x!.shape, dtype: 'bool' });
  });
}

export const elementwise: LoweringTable = {
  IsNan: asFloats(({ inputs: { x }, graph }) => isNaNOf(graph, x!)),
  IsInf: sizeTest('Equal'),
  IsFinite: sizeTest('Less'),
  Add: add,
  AddN: addN,
  Sub: binary('Sub'),
  Multiply: binary('Mul'),
  RealDiv: binary('Div'),
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  Pow: pow,
  Greater: comparison('Greater'),
  GreaterEqual: comparison('GreaterOrEqual'),
  Less: comparison('Less'),
  LessEqual: comparison('LessOrEqual'),
  Equal: binary('Equal', 'bool'),
  NotEqual: notEqual,
  LogicalAnd: binary('And', 'bool'),
  LogicalOr: binary('Or', 'bool'),
  LogicalNot: unary('Not'),
  Neg: unary('Neg'),
  Abs: unary('Abs'),
  Sign: unary('Sign'),
  Exp: asFloats(unary('Exp')),
  Log: keepingType(unary('Log')),
  Sqrt: keepingType(unary('Sqrt')),
  Rsqrt: keepingType(rsqrt),
  Reciprocal: keepingType(unary('Reciprocal')),
  Square: square,
  SquaredDifference: squaredDifference,
  Sigmoid: keepingType(unary('Sigmoid')),
  Relu: unary('Relu'),
  Elu: composed(elu),
  Relu6: relu6,
  LeakyRelu: asFloats(leakyRelu),
  Prelu: prelu,
  Selu: keepingType(composed(selu)),
  EluGrad: eluGrad,
  Softplus: keepingType(unary('Softplus')),
  Erf: keepingType(unary('Erf')),
  Log1p: keepingType(composed(log1p)),
  Expm1: keepingType(composed(expm1)),
  Floor: rounding('Floor'),
  Ceil: rounding('Ceil'),
  Round: rounding('Round'),
  Step: step,
  ClipByValue: clipByValue,
  Select: select,
  Cast: cast,
  Softmax: softmax,
};
