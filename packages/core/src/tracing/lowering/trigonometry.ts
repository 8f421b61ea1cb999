/** Trigonometric and hyperbolic kernels and their inverses. */
import * as tf from '@tensorflow/tfjs-core';
import { byOps } from './by-ops.js';
import { keepingType, unary } from './elementwise.js';
import type { LoweringTable } from './lowering.js';

/**
 * The angle of the point (b, a), from the angle of the point (|b|, |a|). The quotient of the smaller by the larger size
 * never overflows; two infinities count as equal.
 */
const atan2 = byOps(({ a, b }) => {
  const type = tf.upcastType(a!.dtype, b!.dtype);
  const angle = angleOf(tf.cast(a!, 'float32'), tf.cast(b!, 'float32'));
  return type === 'float32' ? angle : tf.cast(tf.cast(angle, 'int32'), type);
});

function angleOf(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const [height, width] = [tf.abs(a), tf.abs(b)];
  const larger = tf.maximum(height, width);
  const smaller = tf.minimum(height, width);
  const quotient = tf.where(tf.equal(smaller, larger), tf.sign(larger), tf.div(smaller, larger));
  const angle = tf.atan(quotient);
  const steep = tf.where(tf.greater(height, width), tf.sub(Math.PI / 2, angle), angle);
  const turned = tf.where(isNegative(b), tf.sub(Math.PI, steep), steep);
  return tf.where(isNegative(a), tf.neg(turned), turned);
}

/** Whether a number has a minus sign, as −0 has. */
const isNegative = (x: tf.Tensor) => tf.logicalOr(tf.less(x, 0), tf.less(tf.reciprocal(x), 0));

const floatsOf = (opType: string) => keepingType(unary(opType));

export const trigonometry: LoweringTable = {
  Sin: floatsOf('Sin'),
  Cos: floatsOf('Cos'),
  Tan: floatsOf('Tan'),
  Asin: floatsOf('Asin'),
  Acos: floatsOf('Acos'),
  Atan: floatsOf('Atan'),
  Atan2: atan2,
  Sinh: floatsOf('Sinh'),
  Cosh: floatsOf('Cosh'),
  Tanh: floatsOf('Tanh'),
  Asinh: floatsOf('Asinh'),
  Acosh: floatsOf('Acosh'),
  Atanh: floatsOf('Atanh'),
};
