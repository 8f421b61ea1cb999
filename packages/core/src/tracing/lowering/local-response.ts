/** Local response normalization: divides by a power of the sum of squares over neighbouring channels. */
import * as tf from '@tensorflow/tfjs-core';
import { byOps } from './by-ops.js';
import type { LoweringTable } from './lowering.js';

type Attributes = Record<'depthRadius' | 'bias' | 'alpha' | 'beta', number>;

/** Sums over the channels at most `radius` from each one. */
function sumOfNeighbours(x: tf.Tensor, radius: number): tf.Tensor {
  const channels = x.shape[3]!;
  const reach = Math.min(radius, channels - 1);
  const padded = tf.pad(x, [[0, 0], [0, 0], [0, 0], [reach, reach]]); // biome-ignore format: one pair for each axis
  const shifted = Array.from({ length: 2 * reach + 1 }, (_, k) => tf.slice(padded, [0, 0, 0, k], x.shape));
  return tf.addN(shifted);
}

function norm(x: tf.Tensor, { depthRadius, bias, alpha }: Attributes): tf.Tensor {
  return tf.add(tf.mul(sumOfNeighbours(tf.square(x), depthRadius), alpha), bias);
}

const normalized = byOps(({ x }, attrs) => {
  const settings = attrs as unknown as Attributes;
  return tf.mul(x!, tf.pow(norm(x!, settings), -settings.beta));
});

const gradient = byOps(({ x, y, dy }, attrs) => {
  const settings = attrs as unknown as Attributes;
  const { depthRadius, alpha, beta } = settings;
  const divisor = norm(x!, settings);
  const direct = tf.mul(dy!, tf.pow(divisor, -beta));
  const shares = sumOfNeighbours(tf.div(tf.mul(dy!, y!), divisor), depthRadius);
  return tf.sub(direct, tf.mul(tf.mul(x!, shares), 2 * alpha * beta));
});

export const localResponse: LoweringTable = { LRN: normalized, LRNGrad: gradient };
