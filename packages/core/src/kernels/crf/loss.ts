/**
 * `CrfLoss`: the negative log-likelihood of tags under a linear-chain conditional random field (Lafferty et al. 2001),
 * the output layer of Huang, Xu and Yu (2015), "Bidirectional LSTM-CRF Models for Sequence Tagging", section 2.5. The
 * forward-backward algorithm runs in log space, for a batch of sequences of unequal lengths. `decoding/viterbi.ts`
 * finds the best tags.
 *
 * The backward variables are the forward variables of the reversed sequence with transposed transitions. So one
 * recursion computes both. Each step subtracts its largest variable, so that float32 stays exact in long sequences.
 */
import * as tf from '@tensorflow/tfjs-core';
import { lengthMask } from '../../tensors/length-mask.js';
import { defineKernel } from '../kernel.js';

export interface CrfLossInputs {
  /** The score of each tag at each step, [time, batch, tags]. */
  readonly emissions: tf.Tensor3D;
  /** int32 [time, batch], each in [0, tags); values after a sequence's end have no influence. */
  readonly tags: tf.Tensor2D;
  /** int32 [batch], each in [0, time]; the loss of an empty sequence is 0. */
  readonly lengths: tf.Tensor1D;
  /** The score of each tag, row, before each other one, column, [tags, tags]. */
  readonly transitions: tf.Tensor2D;
  /** The score of each tag as the first one, [tags]. */
  readonly start: tf.Tensor1D;
  /** The score of each tag as the last one, [tags]. */
  readonly stop: tf.Tensor1D;
}

const kernel = defineKernel<Record<keyof CrfLossInputs, tf.Tensor>, Record<string, never>>({
  name: 'CrfLoss',
  forward: (inputs) => forwardBackward(inputs as unknown as CrfLossInputs),
  saves: { inputs: [], outputs: [false, true, true, true] },
  gradient: ([dLosses], [errors, pairErrors, lastErrors]) => ({
    emissions: () => tf.mul(errors!, tf.reshape(dLosses!, [1, -1, 1])),
    transitions: () => weightedSum(dLosses!, pairErrors!),
    start: () => weightedSum(dLosses!, firstStep(errors!)),
    stop: () => weightedSum(dLosses!, lastErrors!),
  }),
});

/**
 * Computes −ln p(tags | emissions) of each sequence, in nats. Differentiable by the emissions, transitions, start and
 * stop.
 * @returns [batch]
 */
export function crfLoss(inputs: CrfLossInputs): tf.Tensor1D {
  const [losses, ...errors] = kernel({ ...inputs }, {});
  tf.dispose(errors);
  return losses as tf.Tensor1D;
}

/**
 * Returns the losses [batch], and how much the expected number of each event exceeds its actual number: of each tag at
 * each step [time, batch, tags], of each pair of neighbours [batch, tags, tags], and of each last tag [batch, tags].
 * These are the gradients of the losses.
 */
function forwardBackward({ emissions, tags, lengths, transitions, start, stop }: CrfLossInputs): tf.Tensor[] {
  const [time, batch, count] = emissions.shape;
  const [mask, hasNext] = [lengths, tf.sub(lengths, tf.scalar(1, 'int32'))].map((counts) =>
    tf.reshape(lengthMask(counts, time), [time, batch, 1]),
  ) as [tf.Tensor, tf.Tensor];
  const isLast = tf.sub(mask, hasNext);
  const actual = tf.mul(tf.cast(tf.oneHot(tags, count), 'float32'), mask) as tf.Tensor3D;

  const { before, logPartition } = messages(emissions, mask, { transitions, start, stop });
  const [fromFront, fromBack] = [0, 1].map((side) => sideOf(before, side));
  const backwards = tf.reverse(fromBack!, 0); // in the order of the steps
  const arriving = tf.add(fromFront!, emissions);
  const expected = tf.mul(tf.softmax(tf.add(arriving, backwards)), mask);
  const errors = tf.sub(expected, actual) as tf.Tensor3D;

  const isNonEmpty = tf.reshape(firstStep(mask), [batch]);
  const actualPairs = pairsOf(actual);
  const expectedPairs = expectedPairsOf(arriving, tf.add(emissions, backwards), { transitions, mask });
  const actualLast = tf.sum(tf.mul(actual, isLast), 0);
  const within = tf.add(tf.sum(tf.mul(actual, emissions), [0, 2]), tf.sum(tf.mul(actualPairs, transitions), [1, 2]));
  const atEnds = tf.add(tf.mul(firstStep(actual), start), tf.mul(actualLast, stop));
  const score = tf.add(within, tf.sum(atEnds, 1));
  return [
    tf.mul(tf.sub(logPartition, score), isNonEmpty),
    errors,
    tf.sub(expectedPairs, actualPairs),
    tf.sum(tf.mul(errors, isLast), 0),
  ];
}

type Scores = Pick<CrfLossInputs, 'transitions' | 'start' | 'stop'>;

/**
 * Returns ln of the sum over all tags before each step, without the step's own emission, [time, 2, batch, tags]: from
 * the front, and from the back in reversed order. Each is known up to a constant. Further returns the logarithm of the
 * partition function, [batch].
 */
function messages(emissions: tf.Tensor3D, mask: tf.Tensor, { transitions, start, stop }: Scores) {
  const [time, batch, count] = emissions.shape;
  const bothWays = (x: tf.Tensor) => tf.unstack(tf.stack([x, tf.reverse(x, 0)], 1));
  const [emission, isReal] = [bothWays(emissions), bothWays(mask)];
  const steps = tf.reshape(tf.stack([transitions, tf.transpose(transitions)]), [2, 1, count, count]);
  const ends = tf.reshape(tf.stack([start, stop]), [2, 1, count]);
  const before = [tf.add(ends, tf.zeros([2, batch, count]))];
  let scale: tf.Tensor = tf.zeros([2, batch, 1]);
  for (let t = 0; t + 1 < time; t++) {
    const [current, real] = [before[t]!, isReal[t]!];
    const arrived = tf.expandDims(tf.add(current, emission[t]!), 3); // [2, batch, from, 1]
    const next = tf.logSumExp(tf.add(arrived, steps), 2); // [2, batch, to]
    const largest = tf.max(next, 2, true);
    scale = tf.add(scale, tf.mul(largest, real));
    // A reversed sequence waits at its padding for its first step.
    before.push(tf.add(tf.mul(tf.sub(next, largest), real), tf.mul(current, tf.sub(1, real))));
  }
  const atFirst = tf.add(tf.add(sideOf(before.at(-1)!, 1, 0), start), firstStep(emissions)); // [batch, tags]
  const constant = tf.reshape(sideOf(scale, 1, 0), [batch]);
  return { before: tf.stack(before), logPartition: tf.add(tf.logSumExp(atFirst, 1), constant) };
}

/** The number of times that each tag precedes each other one, [batch, tags, tags], from ones at the tags. */
function pairsOf(actual: tf.Tensor3D): tf.Tensor {
  const [time, batch, count] = actual.shape;
  if (time === 1) return tf.zeros([batch, count, count]);
  const [earlier, later] = [0, 1].map((from) => tf.transpose(tf.slice(actual, from, time - 1), [1, 0, 2]));
  return tf.matMul(earlier!, later!, true);
}

/**
 * The expected number of times that each tag precedes each other one, [batch, tags, tags].
 * @param arriving ln of the sum over all tags up to a step, [time, batch, tags]
 * @param leaving ln of the sum over all tags from a step on
 */
function expectedPairsOf(
  arriving: tf.Tensor,
  leaving: tf.Tensor,
  { transitions, mask }: { readonly transitions: tf.Tensor2D; readonly mask: tf.Tensor },
): tf.Tensor {
  const [time = 0, batch = 0, count = 0] = arriving.shape;
  if (time === 1) return tf.zeros([batch, count, count]);
  const from = tf.expandDims(tf.slice(arriving, 0, time - 1), 3);
  const to = tf.expandDims(tf.slice(leaving, 1), 2);
  const pairs = tf.add(tf.add(from, to), transitions); // [time − 1, batch, tags, tags]
  const probabilities = tf.softmax(tf.reshape(pairs, [time - 1, batch, count * count]));
  return tf.reshape(tf.sum(tf.mul(probabilities, tf.slice(mask, 1)), 0), [batch, count, count]);
}

/** One side of [time, 2, …] or, along the axis 0, of [2, …]. */
function sideOf(both: tf.Tensor, side: number, axis = 1): tf.Tensor {
  return tf.unstack(both, axis)[side]!;
}

function firstStep(sequence: tf.Tensor): tf.Tensor {
  return tf.reshape(tf.slice(sequence, 0, 1), sequence.shape.slice(1));
}

/** Σ_b weights[b]·x[b], for `weights` [batch] and `x` [batch, …]. */
function weightedSum(weights: tf.Tensor, x: tf.Tensor): tf.Tensor {
  const [batch = 0, ...rest] = x.shape;
  const flat = tf.reshape<tf.Rank.R2>(x, [batch, x.size / batch]);
  return tf.reshape(tf.matMul(tf.reshape<tf.Rank.R2>(weights, [1, batch]), flat), rest);
}
