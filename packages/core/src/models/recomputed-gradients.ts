/**
 * Back-propagation through time in the memory of a few steps. A sequence is cut into segments, and at first only the
 * states between them are kept. Then each segment, from the last to the first, is recomputed and back-propagated. Chen
 * et al. (2016), "Training deep nets with sublinear memory cost", arXiv:1604.06174; for recurrent networks Gruslys et
 * al. (2016), arXiv:1606.03401. The states do not need the output layer, so it is computed only once, segment by
 * segment.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { dropoutMaskShapes } from './dropout-masks.js';
import { type LanguageModelConfig, stateShapes } from './language-model-config.js';
import { embedTokens, recurrentFeatures } from './language-model-forward.js';
import { type Gradients, lossAndGradients } from './language-model-gradients.js';
import type { BatchShape } from './program.js';
import { trainingLosses } from './training-losses.js';

/** {@link lossAndGradients} for a batch of this shape, with recomputation of activations if the shape asks for it. */
export function batchGradients(
  config: LanguageModelConfig,
  { time, recomputeEvery = time }: BatchShape,
  inputs: NamedTensors,
): { outputs: NamedTensors; gradients: Gradients } {
  if (recomputeEvery >= time) return lossAndGradients(config, inputs);
  const segments: Segment[] = [];
  for (let from = 0; from < time; from += recomputeEvery) {
    segments.push({ from, steps: Math.min(recomputeEvery, time - from) });
  }
  return segmentedGradients(config, inputs, segments);
}

interface Segment {
  readonly from: number;
  readonly steps: number;
}

function segmentedGradients(
  config: LanguageModelConfig,
  inputs: NamedTensors,
  segments: readonly Segment[],
): { outputs: NamedTensors; gradients: Gradients } {
  const [, batch] = inputs.ids!.shape as [number, number];
  const names = Object.keys(stateShapes(config, batch));
  const starts = [pick(inputs, names)];
  for (const segment of segments.slice(0, -1)) starts.push(stateAfter(config, inputs, segment, starts.at(-1)!));

  let later = Object.fromEntries(names.map((name) => [name, tf.zerosLike(inputs[name]!)]));
  let dense: NamedTensors = {};
  let nextStates: NamedTensors = {};
  const rows: tf.Tensor2D[] = [];
  const tokenLosses: tf.Tensor1D[] = [];
  for (const [k, segment] of [...segments.entries()].reverse()) {
    const isLast = k === segments.length - 1;
    const ofSegment = { ...segmentInputs(config, inputs, segment), ...starts[k]! };
    const again = isLast ? ofSegment : onlyAfter({ ...dense, ...later }, ofSegment, ['ids', ...names]);
    const { outputs, gradients, stateGradients } = lossAndGradients(config, again, trainingLosses, later);
    const { tokenLosses: losses, ...states } = outputs;
    if (isLast) nextStates = states;
    tokenLosses.unshift(losses as tf.Tensor1D);
    rows.unshift(gradients.embeddingRows.gradients);
    dense = isLast ? gradients.dense : sumsOf(dense, gradients.dense);
    later = stateGradients;
  }
  const ids = tf.reshape<tf.Rank.R1>(inputs.ids!, [inputs.ids!.size]);
  return {
    outputs: { ...nextStates, tokenLosses: tf.concat1d(tokenLosses) },
    gradients: { dense, embeddingRows: { gradients: tf.concat2d(rows, 0), ids } },
  };
}

/** The state after a segment that begins in `state`; frees everything else computed on the way. */
function stateAfter(
  config: LanguageModelConfig,
  inputs: NamedTensors,
  segment: Segment,
  state: NamedTensors,
): NamedTensors {
  return tf.tidy(() => {
    const given = segmentInputs(config, inputs, segment);
    return recurrentFeatures(config, inputs, embedTokens(inputs, given.ids as tf.Tensor2D), state, given).state;
  });
}

/** The inputs of some steps: cuts tensors that have a row for each token or step. */
function segmentInputs(config: LanguageModelConfig, inputs: NamedTensors, { from, steps }: Segment): NamedTensors {
  const [time, batch] = inputs.ids!.shape as [number, number];
  const [shapes, longer] = [dropoutMaskShapes(config, batch, time), dropoutMaskShapes(config, batch, time + 1)];
  const masks = Object.keys(shapes).filter((name) => shapes[name]![0] !== longer[name]![0]);
  const cut: NamedTensors = { ids: tf.slice(inputs.ids!, [from, 0], [steps, batch]) };
  for (const name of ['targets', 'lossWeights', 'targetLogCounts', ...masks]) {
    const rows = inputs[name];
    if (!rows) continue;
    const others = rows.shape.slice(1);
    cut[name] = tf.slice(rows, [from * batch, ...others.map(() => 0)], [steps * batch, ...others]);
  }
  return { ...inputs, ...cut };
}

/**
 * Makes the named inputs depend on all of `earlier`: adds to each a zero computed from one element of every tensor.
 * Otherwise a runtime would notice that a segment is computed twice, and would keep its first activations.
 */
function onlyAfter(earlier: NamedTensors, inputs: NamedTensors, names: readonly string[]): NamedTensors {
  const first = (tensor: tf.Tensor) =>
    tf.reshape(
      tf.slice(
        tensor,
        tensor.shape.map(() => 0),
        tensor.shape.map(() => 1),
      ),
      [],
    );
  const sum = Object.values(earlier)
    .map(first)
    .reduce((a, b) => tf.add(a, b));
  const isNever = tf.greater(sum, tf.scalar(Number.POSITIVE_INFINITY));
  const delayed = names.map((name) => {
    const tensor = inputs[name]!;
    return [name, tf.add(tensor, tf.cast(isNever, tensor.dtype))];
  });
  return { ...inputs, ...Object.fromEntries(delayed) };
}

function sumsOf(a: NamedTensors, b: NamedTensors): NamedTensors {
  return Object.fromEntries(Object.entries(a).map(([name, tensor]) => [name, tf.add(tensor, b[name]!)]));
}

function pick(tensors: NamedTensors, names: readonly string[]): NamedTensors {
  return Object.fromEntries(names.map((name) => [name, tensors[name]!]));
}
