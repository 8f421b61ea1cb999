/** Named starting points for `unroll train --preset`; every flag overrides its field. */
import { defaultOptimizer } from '@unroll/core/config';
import type { TrainingConfig } from '../../configuration/config.js';
import { defaultsOf } from '../../configuration/hyperparameters.js';

export const presetNames = ['tiny', 'seed', 'zaremba-small', 'zaremba-medium', 'zaremba-large', 'gboard-cifg'] as const;
export type PresetName = (typeof presetNames)[number];

/** Settings that all presets share. */
const common = { ...defaultsOf('tokens'), ...defaultsOf('recipe'), ...defaultsOf('sequences') };

/** Settings of the presets with Adam. */
const adaptive = {
  ...common,
  batchSize: 32,
  sequenceLength: 20,
  optimizer: defaultOptimizer('adam'),
  lossNormalization: 'token',
} as const;

/**
 * Shared settings of the recipes in Zaremba, Sutskever and Vinyals, "Recurrent neural network regularization" (2014).
 */
const zaremba = {
  ...common,
  batchSize: 20,
  optimizer: defaultOptimizer('sgd'),
  learningRate: 1,
  lossNormalization: 'sequence',
} as const;

function zarembaModel(dim: number, dropout: number): TrainingConfig['model'] {
  const sizes = { layers: 2, embeddingDim: dim, hiddenDim: dim };
  return { cell: 'lstm', ...sizes, dropout, tieWeights: false, recurrentBias: true };
}

/** Returns a preset's model with the fields that were given. An rwkv7 has one width: its embedding follows `hiddenDim`. */
export function presetModel(
  { model }: Pick<TrainingConfig, 'model'>,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...model, ...given };
  if (merged.cell !== 'rwkv7' || given.embeddingDim !== undefined) return merged;
  return { ...merged, embeddingDim: merged.hiddenDim };
}

export const presets: Readonly<Record<PresetName, TrainingConfig>> = {
  /** Trains in minutes on two cores: for small texts, the embedded grammar, a first try. */
  tiny: {
    ...adaptive,
    model: {
      cell: 'lstm',
      layers: 1,
      embeddingDim: 64,
      hiddenDim: 128,
      dropout: 0,
      tieWeights: false,
      recurrentBias: false,
    },
    initRange: 0.1,
    learningRate: 0.004,
    schedule: { name: 'step', constantEpochs: 2, decay: 0.5 },
    clipNorm: 1,
    epochs: 6,
  },
  /** The textbook's simple recurrent network, as large as a first real model. */
  seed: {
    ...adaptive,
    model: {
      cell: 'rnn',
      layers: 1,
      embeddingDim: 256,
      hiddenDim: 512,
      dropout: 0,
      tieWeights: false,
      recurrentBias: false,
    },
    initRange: 0.05,
    learningRate: 0.001,
    schedule: { name: 'step', constantEpochs: 3, decay: 0.5 },
    clipNorm: 0.25,
    epochs: 6,
  },
  'zaremba-small': {
    ...zaremba,
    model: zarembaModel(200, 0),
    initRange: 0.1,
    sequenceLength: 20,
    schedule: { name: 'step', constantEpochs: 4, decay: 0.5 },
    clipNorm: 5,
    epochs: 13,
  },
  'zaremba-medium': {
    ...zaremba,
    model: zarembaModel(650, 0.5),
    initRange: 0.05,
    sequenceLength: 35,
    schedule: { name: 'step', constantEpochs: 6, decay: 1 / 1.2 },
    clipNorm: 5,
    epochs: 39,
  },
  'zaremba-large': {
    ...zaremba,
    model: zarembaModel(1500, 0.65),
    initRange: 0.04,
    sequenceLength: 35,
    schedule: { name: 'step', constantEpochs: 14, decay: 1 / 1.15 },
    clipNorm: 10,
    epochs: 55,
  },
  /**
   * The keyboard's model of Hard et al., "Federated learning for mobile keyboard prediction" (2018), section 3. It has
   * one layer of 670 coupled-gate cells (CIFG). Its output is projected to the embedding's width, so that the output
   * layer can share the embedding's weights. With a vocabulary of 10,000 words it has 1.4 million parameters. The
   * recipe is ours, as theirs is for federated training.
   */
  'gboard-cifg': {
    ...adaptive,
    model: {
      cell: 'cifg',
      layers: 1,
      embeddingDim: 96,
      hiddenDim: 670,
      projectionDim: 96,
      dropout: 0,
      tieWeights: true,
      recurrentBias: false,
    },
    vocabulary: 10_000,
    initRange: 0.05,
    learningRate: 0.002,
    schedule: { name: 'step', constantEpochs: 4, decay: 0.5 },
    clipNorm: 1,
    epochs: 10,
  },
};
