/** Division rounded down, and its remainder. ONNX Runtime ends the process when it divides an integer by zero. */

import * as tf from '@tensorflow/tfjs-core';
import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { GraphRecorder } from '../recorder.js';
import { byOps } from './by-ops.js';
import type { Lowering, LoweringTable } from './lowering.js';

function emitted(graph: GraphRecorder, opType: 'Div' | 'Mod', a: TensorInfo, b: TensorInfo): tf.Tensor {
  const type = { shape: backend_util.assertAndGetBroadcastShape(a.shape, b.shape), dtype: a.dtype };
  // C's fmod for both types: the remainder has the sign of a.
  const attributes = opType === 'Mod' ? { fmod: { i: 1 } } : {};
  const result = graph.emit(opType, [a, b], type, { attributes });
  return tf.engine().makeTensorFromTensorInfo(result);
}

const integer = (value: number) => tf.scalar(value, 'int32');

/** Replaces the divisors 0 and −1, for which the machine's division of integers may fail, by 1. */
function safeDivisor(b: tf.Tensor): tf.Tensor {
  const isUnsafe = tf.logicalOr(tf.equal(b, integer(0)), tf.equal(b, integer(-1)));
  return tf.where(isUnsafe, tf.onesLike(b), b);
}

/** Divides integers; x / 0 is 0, as TensorFlow.js stores it. */
function floorDivIntegers(graph: GraphRecorder, a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const divisor = safeDivisor(b);
  const quotient = emitted(graph, 'Div', a, divisor);
  const remainder = tf.sub(a, tf.mul(quotient, divisor));
  const isOpposed = tf.notEqual(tf.less(remainder, integer(0)), tf.less(divisor, integer(0)));
  const isInexact = tf.notEqual(remainder, integer(0));
  const rounded = tf.sub(quotient, tf.cast(tf.logicalAnd(isInexact, isOpposed), 'int32'));
  const negated = tf.where(tf.equal(b, integer(-1)), tf.neg(rounded), rounded);
  return tf.where(tf.equal(b, integer(0)), tf.zerosLike(negated), negated);
}

const floorDiv: Lowering = ({ inputs, graph }) =>
  byOps(({ a, b }) => {
    if (a!.dtype === 'int32') return floorDivIntegers(graph, a!, b!);
    // An operator that does not exist for booleans refuses them by name.
    const quotient = emitted(graph, 'Div', a!, b!);
    return tf.cast(a!.dtype === 'float32' ? tf.floor(quotient) : quotient, 'int32');
  })({ inputs, attrs: {}, graph });

/**
 * The remainder with the sign of b, except where the cpu backend's formula (rem + b) rem b differs: NaN for an infinite
 * b of the other sign.
 */
const mod: Lowering = ({ inputs, graph }) =>
  byOps(({ a, b }) => {
    const divisor = a!.dtype === 'int32' ? safeDivisor(b!) : b!;
    const remainder = emitted(graph, 'Mod', a!, divisor);
    const isSame = tf.equal(tf.less(a!, tf.zerosLike(a!)), tf.less(divisor, tf.zerosLike(divisor)));
    const isKept = tf.logicalOr(isSame, tf.equal(remainder, tf.zerosLike(remainder)));
    const shifted = tf.add(remainder, divisor);
    const finite = a!.dtype === 'int32' ? shifted : tf.sub(shifted, tf.mul(divisor, 0));
    return tf.where(isKept, remainder, finite);
  })({ inputs, attrs: {}, graph });

export const division: LoweringTable = { FloorDiv: floorDiv, Mod: mod };
