/**
 * `CtcLoss`: connectionist temporal classification, Graves et al. (2006), by the forward-backward algorithm in log
 * space, for a batch of sequences and labels of unequal lengths. `greedy.ts` decodes.
 *
 * The backward variables are the forward variables of the reversed sequence. So one recursion over a batch of twice the
 * size computes both. A product with a one-hot matrix maps states to classes, exactly in both directions.
 */
import * as tf from '@tensorflow/tfjs-core';
import { lengthMask } from '../../tensors/length-mask.js';
import { defineKernel } from '../kernel.js';

/** Stands for ln 0, but finite, so that sums and differences of it stay numbers in float32. */
const impossible = -1e30;

export interface CtcLossInputs {
  /** [time, batch, classes]; class 0 is the blank. */
  readonly logits: tf.Tensor3D;
  /** int32 [batch, labels], classes from 1; 0 after a label's end. */
  readonly labels: tf.Tensor2D;
  /** int32 [batch], each in [1, time]. */
  readonly logitLengths: tf.Tensor1D;
  /** int32 [batch], each in [0, labels]. */
  readonly labelLengths: tf.Tensor1D;
}

const kernel = defineKernel<Record<keyof CtcLossInputs, tf.Tensor>, Record<string, never>>({
  name: 'CtcLoss',
  forward: (inputs) => forwardBackward(inputs as unknown as CtcLossInputs),
  saves: { inputs: [], outputs: [false, true] },
  gradient: ([dLosses], [errors]) => ({
    logits: () => tf.mul(errors!, tf.reshape(dLosses!, [1, -1, 1])),
  }),
});

/**
 * Computes −ln p(label | logits) of each sequence, in nats. If a sequence is too short to spell its label, the loss is
 * 0 and has no gradient, as in PyTorch's `ctc_loss` with `zero_infinity=True`.
 * @returns [batch]
 */
export function ctcLoss(inputs: CtcLossInputs): tf.Tensor1D {
  const [losses, errors] = kernel({ ...inputs }, {});
  errors!.dispose();
  return losses as tf.Tensor1D;
}

/** The losses [batch] and their gradients with respect to the logits [time, batch, classes]: eq. 16 of the paper. */
function forwardBackward({ logits, labels, logitLengths, labelLengths }: CtcLossInputs): tf.Tensor[] {
  const [time, batch, classes] = logits.shape;
  const states = statesOf(labels); // [batch, states]
  const stateCount = states.shape[1]!;
  const classOfState = tf.cast(tf.oneHot(states, classes), 'float32'); // [batch, states, classes]
  const logProbabilities = tf.logSoftmax(logits);
  const byBatch = tf.transpose(logProbabilities, [1, 0, 2]);
  const emissions = tf.transpose(tf.matMul(byBatch, classOfState, false, true), [1, 0, 2]) as tf.Tensor3D; // [time, batch, states]

  const bothWays = tf.concat([emissions, tf.reverse(emissions, [0, 2])], 1); // [time, 2·batch, states]
  const variables = forwardVariables(bothWays as tf.Tensor3D, {
    states: tf.concat([states, tf.reverse(states, 1)], 0),
    starts: tf.concat([startsOf(labelLengths, stateCount), tf.reverse(endsOf(labelLengths, stateCount), 1)], 0),
    restarts: restartsOf(logitLengths, time),
  });
  const alpha = tf.slice(variables, [0, 0, 0], [time, batch, stateCount]);
  const beta = tf.reverse(tf.slice(variables, [0, batch, 0], [time, batch, stateCount]), [0, 2]);

  const through = tf.sub(tf.add(alpha, beta), emissions); // ln of the probability of all paths through a state at a time
  const first = tf.reshape(tf.slice(through, 0, 1), [batch, stateCount]);
  const total = tf.logSumExp(first, 1); // ln p(label), [batch]
  const possible = tf.cast(tf.greater(total, impossible / 10), 'float32');
  const counted = tf.mul(lengthMask(logitLengths, time), possible); // [time, batch]
  const occupancy = tf.exp(tf.minimum(tf.sub(through, tf.reshape(total, [1, batch, 1])), 0));
  const byClass = tf.transpose(tf.matMul(tf.transpose(occupancy, [1, 0, 2]), classOfState), [1, 0, 2]);
  const errors = tf.mul(tf.sub(tf.exp(logProbabilities), byClass), tf.reshape(counted, [time, batch, 1]));
  return [tf.mul(tf.neg(total), possible), errors];
}

/** l′: the labels with blanks before, between and after them, int32 [batch, 2·labels + 1]. */
function statesOf(labels: tf.Tensor2D): tf.Tensor2D {
  const [batch, length] = labels.shape;
  const blanks = tf.zeros([batch, length, 1], 'int32');
  const pairs = tf.reshape(tf.concat([blanks, tf.reshape(labels, [batch, length, 1])], 2), [batch, 2 * length]);
  return tf.concat([pairs, tf.zeros([batch, 1], 'int32')], 1) as tf.Tensor2D;
}

interface Automaton {
  /** int32 [rows, states]: the class of each state. */
  readonly states: tf.Tensor;
  /** [rows, states]: 0 where a path may start, {@link impossible} elsewhere. */
  readonly starts: tf.Tensor;
  /** [time, rows]: 1 where all paths so far are discarded and new ones start. */
  readonly restarts: tf.Tensor;
}

/** ln α of every row by the recursion of Graves et al. (2006), eq. 6, [time, rows, states]. */
function forwardVariables(emissions: tf.Tensor3D, { states, starts, restarts }: Automaton): tf.Tensor3D {
  const [time, rows, stateCount] = emissions.shape;
  const cannotSkip = tf.mul(tf.sub(1, skipsOf(states)), impossible); // [rows, states]
  const emission = tf.unstack(emissions);
  const [restart, goOn] = [restarts, tf.sub(1, restarts)].map((flags) =>
    tf.unstack(tf.reshape(flags, [time, rows, 1])),
  );
  const variables = [tf.add(starts, emission[0]!)];
  for (let t = 1; t < time; t++) {
    const padded = tf.pad(
      variables[t - 1]!,
      [
        [0, 0],
        [2, 0],
      ],
      impossible,
    );
    const [two, one, zero] = [0, 1, 2].map((from) => tf.slice(padded, [0, from], [rows, stateCount]));
    const paths = logSumExp(zero!, one!, tf.add(two!, cannotSkip));
    const entered = tf.add(tf.mul(paths, goOn![t]!), tf.mul(starts, restart![t]!));
    variables.push(tf.add(entered, emission[t]!));
  }
  return tf.stack(variables) as tf.Tensor3D;
}

function logSumExp(...terms: readonly tf.Tensor[]): tf.Tensor {
  const largest = terms.reduce((most, term) => tf.maximum(most, term));
  const scaled = terms.map((term) => tf.exp(tf.sub(term, largest)));
  return tf.add(largest, tf.log(scaled.reduce((sum, term) => tf.add(sum, term))));
}

/**
 * float32 [rows, states]: 1 where a path may skip a state, that is from one label to another over the blank between
 * them.
 */
function skipsOf(states: tf.Tensor): tf.Tensor {
  const [rows, stateCount] = states.shape as [number, number];
  const twoBefore = tf.slice(
    tf.pad(states, [
      [0, 0],
      [2, 0],
    ]),
    [0, 0],
    [rows, stateCount],
  );
  const differs = tf.logicalAnd(tf.notEqual(states, 0), tf.notEqual(states, twoBefore));
  return tf.cast(differs, 'float32');
}

/**
 * Penalties [batch, states]: 0 where paths may start, which is the first blank and, if there is one, the first label.
 */
function startsOf(labelLengths: tf.Tensor1D, stateCount: number): tf.Tensor {
  const last = tf.minimum(tf.mul(labelLengths, 2), 1);
  return penalties(tf.lessEqual(positions(stateCount), tf.reshape(last, [-1, 1])));
}

/**
 * Penalties [batch, states]: 0 where paths may end, which is the blank after the last label and, if there is one, the
 * last label.
 */
function endsOf(labelLengths: tf.Tensor1D, stateCount: number): tf.Tensor {
  const last = tf.reshape(tf.mul(labelLengths, 2), [-1, 1]);
  const state = positions(stateCount);
  const isEnd = tf.logicalAnd(tf.lessEqual(state, last), tf.greaterEqual(state, tf.sub(last, 1)));
  return penalties(isEnd);
}

/** Flags [time, 2·batch]: a reversed sequence, padded to `time`, restarts at every step until its padding is over. */
function restartsOf(logitLengths: tf.Tensor1D, time: number): tf.Tensor {
  const batch = logitLengths.shape[0];
  const step = tf.reshape(tf.transpose(positions(time)), [time, 1]);
  const padding = tf.cast(tf.lessEqual(step, tf.sub(time, tf.reshape(logitLengths, [1, batch]))), 'float32');
  return tf.concat([tf.zeros([time, batch]), padding], 1);
}

const positions = (count: number): tf.Tensor2D => tf.tensor2d([...Array(count).keys()], [1, count], 'int32');

const penalties = (allowed: tf.Tensor): tf.Tensor => tf.mul(tf.sub(1, tf.cast(allowed, 'float32')), impossible);
