/**
 * The blocks of RWKV-7 (Peng et al. 2025, arXiv:2503.14456, section 4) as a function of their parameters. A block is a
 * time mixing, whose recurrence is the generalized delta rule, and a channel mixing; both are added to its input. Rows
 * are time-major, [time·batch, width].
 */
import * as tf from '@tensorflow/tfjs-core';
import { generalizedDeltaRule } from '../kernels/delta-rule/generalized-delta-rule.js';
import { previousStates } from '../kernels/time-steps.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import type { Rwkv7Config, shiftNames } from './rwkv7-config.js';

const layerNormEpsilon = 1e-5;
/** That of the published models, for heads of any size. */
const groupNormEpsilon = 64e-5;
/** A decay is never stronger than exp(−e^(−1/2)) = 0.545 a step. */
const strongestLogDecay = -Math.exp(-0.5);

/**
 * Runs all blocks.
 * @param embedded rows [time·batch, width]
 * @param state tensors by the names of `rwkv7StateShapes`
 * @param dropped drops units of the rows after the block with this number, from 1
 * @returns the normalised rows and the state after the last step
 */
export function rwkv7Blocks(
  config: Rwkv7Config,
  parameters: NamedTensors,
  embedded: tf.Tensor,
  state: NamedTensors,
  dropped: (rows: tf.Tensor, place: number) => tf.Tensor,
): { rows: tf.Tensor; state: NamedTensors } {
  const last: NamedTensors = {};
  let x = layerNorm(embedded, parameters, 'blocks.0.ln0');
  let firstValue: tf.Tensor | undefined;
  for (let layer = 0; layer < config.layers; layer++) {
    const block = `blocks.${layer}`;
    const [attX, attS, ffnX] = [`att.x.${layer}`, `att.S.${layer}`, `ffn.x.${layer}`] as const;
    const before = shifted(layerNorm(x, parameters, `${block}.ln1`), state[attX]!);
    const mixed = timeMixing(config, named(parameters, `${block}.att`), before, state[attS]!, firstValue);
    firstValue ??= mixed.value;
    x = tf.add(x, mixed.rows);
    const between = shifted(layerNorm(x, parameters, `${block}.ln2`), state[ffnX]!);
    x = dropped(tf.add(x, channelMixing(named(parameters, `${block}.ffn`), between)), layer + 1);
    Object.assign(last, { [attX]: before.last, [attS]: mixed.state, [ffnX]: between.last });
  }
  return { rows: layerNorm(x, parameters, 'ln_out'), state: last };
}

/** Reads parameters with this prefix. */
type Parameter = (name: string) => tf.Tensor;

const named =
  (parameters: NamedTensors, prefix: string): Parameter =>
  (name) =>
    parameters[`${prefix}.${name}`]!;

/** Rows, the step of each from the row before it in its sequence, and the last rows. */
interface Shifted {
  readonly rows: tf.Tensor;
  readonly back: tf.Tensor;
  readonly last: tf.Tensor;
}

/** Token shift. */
function shifted(rows: tf.Tensor, previous: tf.Tensor): Shifted {
  const [count = 0, width = 0] = rows.shape;
  const [batch = 0] = previous.shape;
  return {
    rows,
    back: tf.sub(previousStates(previous, rows), rows),
    last: count === batch ? tf.clone(rows) : tf.slice(rows, [count - batch, 0], [batch, width]),
  };
}

/** Equation 3: interpolates between each token and the one before it. */
const mix = ({ rows, back }: Shifted, share: tf.Tensor) => tf.add(rows, tf.mul(back, share));

/**
 * Equations 3 to 18.
 * @param matrices S of all heads, [batch, heads·head·head]
 * @param firstValue the values of the first block; absent in that block
 */
function timeMixing(
  { hiddenDim: width, headSize }: Rwkv7Config,
  parameter: Parameter,
  input: Shifted,
  matrices: tf.Tensor,
  firstValue: tf.Tensor | undefined,
): { rows: tf.Tensor; state: tf.Tensor; value: tf.Tensor } {
  const mixed = (name: (typeof shiftNames)[number]) => mix(input, parameter(`x_${name}`));
  const heads = (rows: tf.Tensor) => tf.reshape(rows, [-1, width / headSize, headSize]);
  const low = (rows: tf.Tensor, name: string) => tf.matMul(rows, parameter(`${name}1`));
  const bounded = (inner: tf.Tensor, name: string) =>
    tf.sigmoid(tf.add(tf.matMul(inner, parameter(`${name}2`)), parameter(`${name}0`)));

  const receptance = heads(tf.matMul(mixed('r'), parameter('receptance.kernel')));
  const logDecay = heads(tf.mul(bounded(tf.tanh(low(mixed('w'), 'w')), 'w'), strongestLogDecay));
  const rate = bounded(low(mixed('a'), 'a'), 'a');
  const gate = tf.matMul(tf.sigmoid(low(mixed('g'), 'g')), parameter('g2'));
  const rawKey = tf.matMul(mixed('k'), parameter('key.kernel'));
  const removalKey = unitHeads(heads(tf.mul(rawKey, parameter('k_k'))));
  const key = heads(tf.mul(rawKey, tf.add(tf.mul(tf.sub(rate, 1), parameter('k_a')), 1)));
  const xv = mixed('v');
  const ownValue = tf.matMul(xv, parameter('value.kernel'));
  const value = firstValue
    ? tf.add(ownValue, tf.mul(tf.sub(firstValue, ownValue), bounded(low(xv, 'v'), 'v')))
    : ownValue;

  const [batch = 0] = matrices.shape;
  const lanes = (batch * width) / headSize;
  const steps = (rows: tf.Tensor) => tf.reshape(rows, [-1, lanes, headSize]);
  const { outputs, state } = generalizedDeltaRule({
    query: steps(receptance),
    key: steps(key),
    value: steps(value),
    logDecay: steps(logDecay),
    a: steps(tf.neg(removalKey)),
    b: steps(tf.mul(removalKey, heads(rate))),
    initial: tf.reshape(matrices, [lanes, headSize, headSize]),
  });

  const normalised = tf.reshape(standardised(heads(outputs), groupNormEpsilon), [-1, width]);
  const bonus = tf.sum(tf.mul(tf.mul(receptance, key), parameter('r_k')), 2, true);
  const read = tf.add(
    tf.add(tf.mul(normalised, parameter('ln_x.weight')), parameter('ln_x.bias')),
    tf.reshape(tf.mul(bonus, heads(value)), [-1, width]),
  );
  return {
    rows: tf.matMul(tf.mul(read, gate), parameter('output.kernel')),
    state: tf.reshape(state, matrices.shape),
    value,
  };
}

/** Equation 22. */
function channelMixing(parameter: Parameter, input: Shifted): tf.Tensor {
  const key = tf.matMul(mix(input, parameter('x_k')), parameter('key.kernel'));
  return tf.matMul(tf.square(tf.relu(key)), parameter('value.kernel'));
}

/** Divides each head by its norm, or by 1e-12 if that is greater. */
function unitHeads(heads: tf.Tensor): tf.Tensor {
  const squares = tf.sum(tf.square(heads), 2, true);
  return tf.mul(heads, tf.rsqrt(tf.maximum(squares, 1e-24)));
}

function layerNorm(rows: tf.Tensor, parameters: NamedTensors, name: string): tf.Tensor {
  const normalised = standardised(rows, layerNormEpsilon);
  return tf.add(tf.mul(normalised, parameters[`${name}.weight`]!), parameters[`${name}.bias`]!);
}

/** Brings the last axis to mean 0 and variance 1. */
function standardised(values: tf.Tensor, epsilon: number): tf.Tensor {
  const centred = tf.sub(values, tf.mean(values, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
}
