/** Cases of elementwise kernels: every element type, broadcasting, special values, gradients. */
import * as tf from '@tensorflow/tfjs-core';
import type { FuzzCase } from './differential.js';
import type { Draw, Range } from './drawing.js';

export type Generator = (draw: Draw) => FuzzCase;

type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

/** A function of one tensor of any type; of floats, now and then with its gradient. */
export function unary(op: Unary, settings: unknown = '', range?: Range): Generator {
  return (draw) => {
    const shape = draw.shape(0, 4);
    const x = range ? draw.floats(shape, range) : draw.any(shape);
    const isSmooth = x.dtype === undefined && draw.chance(0.4);
    return { settings, inputs: { x }, fn: ({ x }) => op(x!), gradients: isSmooth ? ['x'] : [] };
  };
}

function binary(op: Binary, range?: Range): Generator {
  return (draw) => {
    const shape = draw.shape(0, 4);
    const shapes = [shape, draw.broadcastable(shape)];
    if (draw.chance(0.5)) shapes.reverse();
    const dtype = draw.one(['float32', 'float32', 'int32', 'bool'] as const);
    const other = draw.chance(0.15) ? undefined : dtype;
    const a = range ? draw.floats(shapes[0]!, range) : draw.any(shapes[0]!, dtype);
    const b = range ? draw.floats(shapes[1]!, range) : draw.any(shapes[1]!, other);
    const isSmooth = a.dtype === undefined && b.dtype === undefined && draw.chance(0.4);
    return {
      settings: '',
      inputs: { a, b },
      fn: ({ a, b }) => op(a!, b!),
      gradients: isSmooth ? ['a', 'b'] : [],
      sums: isSmooth,
    };
  };
}

/** A function of two tensors of integers, zero and −1 among them. */
function integerPair(op: Binary): Generator {
  return (draw) => {
    const shape = draw.shape(0, 4);
    const inputs = { a: draw.anyIntegers(shape), b: draw.anyIntegers(draw.broadcastable(shape)) };
    return { settings: '', inputs, fn: ({ a, b }) => op(a!, b!) };
  };
}

/** Draws one of several generators. */
export function either(...generators: readonly Generator[]): Generator {
  return (draw) => draw.one(generators)(draw);
}

const unaries = {
  Abs: tf.abs,
  Acosh: tf.acosh,
  Asinh: tf.asinh,
  Atan: tf.atan,
  Ceil: tf.ceil,
  Cos: tf.cos,
  Cosh: tf.cosh,
  Elu: tf.elu,
  Exp: tf.exp,
  Expm1: tf.expm1,
  Floor: tf.floor,
  IsFinite: tf.isFinite,
  IsInf: tf.isInf,
  IsNan: tf.isNaN,
  Log: tf.log,
  Log1p: tf.log1p,
  LogicalNot: tf.logicalNot,
  Neg: tf.neg,
  OnesLike: tf.onesLike,
  Reciprocal: tf.reciprocal,
  Relu: tf.relu,
  Relu6: tf.relu6,
  Round: tf.round,
  Rsqrt: tf.rsqrt,
  Selu: tf.selu,
  Sigmoid: tf.sigmoid,
  Sin: tf.sin,
  Sinh: tf.sinh,
  Softplus: tf.softplus,
  Sqrt: tf.sqrt,
  Square: tf.square,
  Tan: tf.tan,
  Tanh: tf.tanh,
  ZerosLike: tf.zerosLike,
  Identity: tf.clone,
} satisfies Record<string, Unary>;

const binaries = {
  Add: tf.add,
  Atan2: tf.atan2,
  Equal: tf.equal,
  Greater: tf.greater,
  GreaterEqual: tf.greaterEqual,
  Less: tf.less,
  LessEqual: tf.lessEqual,
  LogicalAnd: tf.logicalAnd,
  LogicalOr: tf.logicalOr,
  Maximum: tf.maximum,
  Minimum: tf.minimum,
  Multiply: tf.mul,
  NotEqual: tf.notEqual,
  Prelu: tf.prelu,
  RealDiv: tf.div,
  SquaredDifference: tf.squaredDifference,
  Sub: tf.sub,
} satisfies Record<string, Binary>;

const mapped = <Op>(ops: Record<string, Op>, generator: (op: Op) => Generator) =>
  Object.fromEntries(Object.entries(ops).map(([kernel, op]) => [kernel, generator(op)]));

const clip: Generator = (draw) => {
  const [least, greatest] = [draw.integer(-3, 0), draw.integer(0, 3) + 0.5];
  return unary((x) => tf.clipByValue(x, least, greatest), { least, greatest })(draw);
};

const step: Generator = (draw) => {
  const alpha = draw.one([0, 0.3, 2]);
  return unary((x) => tf.step(x, alpha), { alpha })(draw);
};

const leakyRelu: Generator = (draw) => {
  const alpha = draw.one([0, 0.2, 1.5]);
  return unary((x) => tf.leakyRelu(x, alpha), { alpha })(draw);
};

const cast: Generator = (draw) => {
  const dtype = draw.one(['float32', 'int32', 'bool'] as const);
  const x = draw.chance(0.5) ? draw.floats(draw.shape(0, 4)) : draw.any(draw.shape(0, 4), draw.one(['int32', 'bool']));
  return { settings: dtype, inputs: { x }, fn: ({ x }) => tf.cast(x!, dtype) };
};

const select: Generator = (draw) => {
  const shape = draw.shape(0, 4);
  const dtype = draw.one(['float32', 'int32', 'bool'] as const);
  const other = draw.chance(0.2) ? undefined : dtype;
  return {
    settings: '',
    inputs: {
      condition: draw.booleans(draw.broadcastable(shape)),
      a: draw.any(shape, dtype),
      b: draw.any(draw.broadcastable(shape), other),
    },
    fn: ({ condition, a, b }) => tf.where(condition!, a!, b!),
    gradients: dtype === 'float32' && other === dtype && draw.chance(0.3) ? ['a'] : [],
    sums: true,
  };
};

const addN: Generator = (draw) => {
  const shape = draw.shape(0, 3);
  const dtype = draw.one(['float32', 'int32'] as const);
  const names = ['a', 'b', 'c'].slice(0, draw.integer(1, 3));
  return {
    settings: '',
    inputs: Object.fromEntries(names.map((name) => [name, draw.any(shape, dtype)])),
    fn: (inputs) => tf.addN(names.map((name) => inputs[name]!)),
    gradients: dtype === 'float32' && draw.chance(0.3) ? ['a'] : [],
    sums: true,
  };
};

const softmax: Generator = (draw) => {
  const x = draw.floats(draw.shape(1, 4));
  return {
    settings: '',
    inputs: { x },
    fn: ({ x }) => tf.softmax(x!),
    gradients: draw.chance(0.4) ? ['x'] : [],
    sums: true,
  };
};

export const elementwiseCases: Readonly<Record<string, Generator>> = {
  ...mapped(unaries, (op) => unary(op)),
  ...mapped(binaries, binary),
  // The cpu backend's polynomial is off by up to 1e-9 near 0 and by 1.5e-7 elsewhere.
  Erf: (draw) => ({ ...unary(tf.erf)(draw), error: 2e-7 }),
  // The cpu backend's sign of NaN is 0.
  Sign: unary(tf.sign, '', 'ordinary'),
  // Floor and remainder jump where float32 and float64 round a quotient to different sides.
  FloorDiv: either(binary(tf.floorDiv, 'positive'), integerPair(tf.floorDiv)),
  Mod: either(binary(tf.mod, 'ordinary'), integerPair(tf.mod)),
  Acos: either(unary(tf.acos), unary(tf.acos, '', 'unit')),
  Asin: either(unary(tf.asin), unary(tf.asin, '', 'unit')),
  Atanh: either(unary(tf.atanh), unary(tf.atanh, '', 'unit')),
  Pow: either(binary(tf.pow), binary(tf.pow, 'positive')),
  Prod: unary((x) => tf.prod(x)),
  EluGrad: (draw) => ({ ...unary(tf.elu, '', draw.range())(draw), gradients: ['x'] }),
  ClipByValue: clip,
  Step: step,
  LeakyRelu: leakyRelu,
  Cast: cast,
  Select: select,
  AddN: addN,
  Softmax: softmax,
};
