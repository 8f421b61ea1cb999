/** The language model in float64, one sequence, one step, one layer at a time. Tests compare the real one with it. */
import { naiveGru } from '../kernels/cells/naive-gru.js';
import { naiveLstm } from '../kernels/cells/naive-lstm.js';
import { naiveRnn } from '../kernels/cells/naive-rnn.js';
import { naiveMinGru } from '../kernels/linear-recurrence/naive-min-gru.js';
import { naiveMinLstm } from '../kernels/linear-recurrence/naive-min-lstm.js';
import { add, type Matrix, matVec, type Vector } from '../kernels/naive-linear-algebra.js';
import { outputDim } from '../recurrent/network-config.js';
import type { LanguageModelConfig } from './language-model-config.js';
import type { BatchShape } from './program.js';

/** Values by the names of the programs' inputs, row-major. */
export type NamedValues = Readonly<Record<string, readonly number[]>>;

/**
 * Computes the loss of every token in nats, [time·batch], time-major, from the inputs of the training or evaluation
 * program.
 */
export function naiveTokenLosses(
  config: LanguageModelConfig,
  { batch, time }: BatchShape,
  inputs: NamedValues,
): number[] {
  const losses = Array<number>(time * batch);
  for (let lane = 0; lane < batch; lane++) {
    const positions = Array.from({ length: time }, (_, t) => t * batch + lane);
    const logits = laneLogits(config, positions, lane, inputs);
    positions.forEach((position, t) => {
      losses[position] = crossEntropy(logits[t]!, inputs.targets![position]!);
    });
  }
  return losses;
}

/**
 * One sequence's scores of all words, step by step. `positions` are its rows among the [time·batch] rows of the batch.
 */
function laneLogits(config: LanguageModelConfig, positions: readonly number[], lane: number, inputs: NamedValues) {
  const { embeddingDim, layers, vocabSize, tieWeights } = config;
  const lanes = inputs.ids!.length / positions.length;
  const embeddings = matrix(inputs['embedding.embeddings']!, embeddingDim);
  const dropped = (steps: Vector[], site: number): Vector[] => {
    const mask = inputs[`dropout.${site}`];
    if (!mask) return steps;
    const rows = matrix(mask, steps[0]!.length);
    const row = (t: number) => rows[rows.length === positions.length * lanes ? positions[t]! : lane]!;
    return steps.map((step, t) => step.map((value, k) => value * row(t)[k]!));
  };
  let steps = dropped(
    positions.map((position) =>
      embeddings[inputs.ids![position]!]!.map((value) => value * (inputs.tokenDropout?.[position] ?? 1)),
    ),
    0,
  );
  for (let layer = 0; layer < layers; layer++) steps = dropped(runLayer(config, steps, layer, lane, inputs), layer + 1);
  const kernel = tieWeights
    ? Array.from({ length: outputDim(config) }, (_, k) => embeddings.map((row) => row[k]!))
    : matrix(inputs['output.kernel']!, vocabSize);
  return steps.map((step) => add(matVec(step, kernel), inputs['output.bias']!));
}

function runLayer(
  config: LanguageModelConfig,
  steps: Vector[],
  layer: number,
  lane: number,
  inputs: NamedValues,
): Vector[] {
  const { cell, hiddenDim, recurrentBias, projectionDim } = config;
  const parameter = (name: string) => inputs[`${cell}.${layer}.${name}`]!;
  const hidden = matrix(inputs[`h.${layer}`]!, outputDim(config))[lane]!;
  if (cell === 'mingru' || cell === 'minlstm') {
    const unit = { kernel: matrix(parameter('kernel'), parameter('bias').length), bias: parameter('bias') };
    return cell === 'mingru' ? naiveMinGru(unit, steps, hidden) : naiveMinLstm(unit, steps, hidden);
  }
  const bias =
    recurrentBias && cell !== 'gru' ? add(parameter('bias'), parameter('recurrent_bias')) : parameter('bias');
  const weights = {
    kernel: matrix(parameter('kernel'), bias.length),
    recurrentKernel: matrix(
      parameter('recurrent_kernel').map((value, k) => value * (inputs[`weightDropout.${layer}`]?.[k] ?? 1)),
      bias.length,
    ),
    bias,
  };
  switch (cell) {
    case 'rnn':
      return naiveRnn({ ...weights, activation: 'tanh' }, steps, hidden);
    case 'gru':
      return naiveGru({ ...weights, recurrentBias: parameter('recurrent_bias') }, steps, hidden);
    case 'lstm':
    case 'cifg': {
      const projection = projectionDim && { projection: matrix(parameter('projection'), projectionDim) };
      const unit = { ...weights, ...projection, coupledGates: cell === 'cifg' };
      return naiveLstm(unit, steps, hidden, matrix(inputs[`c.${layer}`]!, hiddenDim)[lane]!).outputs;
    }
    case 'rwkv7':
      throw new Error('an RWKV-7 is compared with scripts/golden/make_rwkv7.py');
  }
}

function crossEntropy(logits: Vector, target: number): number {
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[target]!;
}

function matrix(values: Vector, width: number): Matrix {
  return Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width));
}
