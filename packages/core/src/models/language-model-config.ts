/** The shape of a recurrent language model: its configuration, its parameters and its state, by name. */

import { requirePositiveInteger, requireRate } from '../checks/numbers.js';
import { SettingError } from '../checks/setting-error.js';
import { hasRecurrentWeights, type LanguageModelCell, languageModelCells } from '../recurrent/cells.js';
import {
  outputDim,
  type RecurrentNetworkConfig,
  recurrentNetworkConfig,
  recurrentParameterShapes,
  recurrentStateShapes,
} from '../recurrent/network-config.js';
import type { Shapes } from '../tensors/shapes.js';
import { adaptiveParameterShapes, defaultCutoffs, requireCutoffs, type Tail, tailsOf } from './adaptive-softmax.js';
import {
  type Rwkv7Config,
  type Rwkv7Sizes,
  rwkv7ParameterShapes,
  rwkv7SizeNames,
  rwkv7Sizes,
  rwkv7StateShapes,
} from './rwkv7-config.js';

export interface LanguageModelConfig extends OptionalRwkv7Sizes {
  readonly vocabSize: number;
  readonly embeddingDim: number;
  readonly hiddenDim: number;
  readonly cell: LanguageModelCell;
  readonly layers: number;
  /**
   * For `lstm` and `cifg`: width to which each layer's output is projected, also the input of its recurrent product
   * (Sak et al. 2014); default no projection.
   */
  readonly projectionDim?: number | undefined;
  /**
   * Probability of dropping a unit of the embedding, between layers and before the output; never in the recurrence
   * (Zaremba et al. 2014, eq. 7–8).
   */
  readonly dropout: number;
  /** Whether the same units are dropped at every step of a sequence (Gal and Ghahramani 2016). */
  readonly variationalDropout?: boolean | undefined;
  /**
   * Probability of dropping a word in a batch, at all its occurrences; default 0 (Merity et al. 2018, section 4.3).
   */
  readonly embeddingDropout?: number | undefined;
  /**
   * Probability of dropping an element of a recurrent kernel, for a whole batch; default 0 (Merity et al. 2018, section
   * 2).
   */
  readonly weightDropout?: number | undefined;
  /**
   * Share of a target's probability that training spreads over all words (Szegedy et al. 2016, section 7); default 0.
   */
  readonly labelSmoothing?: number | undefined;
  /**
   * Whether the output projection is the transposed embedding (Press and Wolf 2017). It needs an embedding as wide as
   * the last layer's output.
   */
  readonly tieWeights: boolean;
  /** An approximation that spares training the scores of all words; default the full softmax. */
  readonly softmax?: SoftmaxConfig | undefined;
  /**
   * Whether the recurrent product has its own bias, as in PyTorch, cuDNN and the code of Zaremba et al. (2014). The
   * model can express no more with it, but biases learn twice as fast and count twice in the gradient's norm. A GRU
   * always has it, because its reset gate acts between the two biases; a cell without recurrent weights never has it.
   */
  readonly recurrentBias: boolean;
}

/** For `rwkv7`: sizes besides its width, `embeddingDim` and `hiddenDim`; default those of the published models. */
type OptionalRwkv7Sizes = { readonly [Name in keyof Rwkv7Sizes]?: number | undefined };

export type SoftmaxConfig = SampledSoftmaxConfig | AdaptiveSoftmaxConfig;

/**
 * Sampled softmax: a training step scores the targets and `samples` other words, drawn anew for each step. Unless
 * weights are tied, the output layer has a row for each word, `output.embeddings` [vocab, output]. Evaluation and
 * decoding score all words.
 */
export interface SampledSoftmaxConfig {
  readonly name: 'sampled';
  readonly samples: number;
}

/**
 * Adaptive softmax: the vocabulary, whose ids must be by falling frequency, is divided into a shortlist and tails; see
 * `adaptive-softmax.ts`. A loss scores the shortlist and the target's tail.
 */
export interface AdaptiveSoftmaxConfig {
  readonly name: 'adaptive';
  /** First ids of the tails, ascending; default a fortieth of the words (10,000 at most) and a fifth. */
  readonly cutoffs?: readonly number[] | undefined;
}

/**
 * Completes a configuration; defaults are a 1-layer LSTM, no dropout, untied weights.
 * @throws SettingError naming the field that is out of range
 */
export function languageModelConfig(
  options: Pick<LanguageModelConfig, 'vocabSize' | 'embeddingDim' | 'hiddenDim'> & Partial<LanguageModelConfig>,
): LanguageModelConfig {
  const config: LanguageModelConfig = {
    cell: 'lstm',
    layers: 1,
    dropout: 0,
    tieWeights: false,
    recurrentBias: false,
    ...options,
  };
  for (const field of ['vocabSize', 'embeddingDim', 'hiddenDim', 'layers'] as const) {
    requirePositiveInteger(field, config[field]);
  }
  if (!languageModelCells.includes(config.cell)) {
    throw new SettingError(
      (nameOf) => `${nameOf('cell')} must be one of ${languageModelCells.join(', ')}, got '${config.cell}'`,
    );
  }
  requireSoftmax(config);
  const sizes = sizesOfBlocks(config);
  const { projectionDim, softmax } = config;
  if (projectionDim !== undefined) {
    requirePositiveInteger('projectionDim', projectionDim);
    if (!hasCellState(config)) {
      throw new SettingError((nameOf) => `${nameOf('projectionDim')}: is for lstm and cifg, not for ${config.cell}`);
    }
  }
  for (const field of ['dropout', 'embeddingDropout', 'weightDropout', 'labelSmoothing'] as const) {
    requireRate(field, config[field] ?? 0);
  }
  if (config.weightDropout && !hasRecurrentWeights(config)) {
    throw new SettingError(
      (nameOf) =>
        `${nameOf('weightDropout')}: drops recurrent weights, which a ${config.cell} does not have; leave it out`,
    );
  }
  if (config.labelSmoothing && softmax) {
    const kind = softmax.name === 'sampled' ? 'a sampled' : 'an adaptive';
    throw new SettingError(
      (nameOf) => `${nameOf('labelSmoothing')}: needs the scores of all words, which ${kind} softmax does not have`,
    );
  }
  if (config.tieWeights && config.embeddingDim !== outputDim(config)) {
    const width = projectionDim === undefined ? 'hiddenDim' : 'projectionDim';
    throw new SettingError(
      (nameOf) =>
        `${nameOf('tieWeights')} needs ${nameOf('embeddingDim')} = ${nameOf(width)}, got ${config.embeddingDim} and ${outputDim(config)}; make them equal`,
    );
  }
  if (softmax?.name !== 'adaptive') return { ...config, ...sizes };
  // Store the cutoffs, so that a later change of the default does not affect checkpoints.
  return { ...config, ...sizes, softmax: { ...softmax, cutoffs: cutoffsOf(softmax, config.vocabSize) } };
}

/**
 * Completes the sizes of an RWKV-7; they are stored, so that a later change of the defaults does not affect checkpoints.
 * @throws SettingError naming a size that is out of range, or that another cell does not have
 */
function sizesOfBlocks(config: LanguageModelConfig): Rwkv7Sizes | undefined {
  if (isRwkv7(config)) return rwkv7Sizes(config, config);
  for (const name of rwkv7SizeNames) {
    if (config[name] === undefined) continue;
    throw new SettingError((nameOf) => `${nameOf(name)}: is for rwkv7, not for ${config.cell}`);
  }
  return undefined;
}

/** Whether a model has the blocks of RWKV-7 instead of stacked cells. */
export function isRwkv7(config: LanguageModelConfig): config is LanguageModelConfig & Rwkv7Config {
  return config.cell === 'rwkv7';
}

/**
 * Checks the softmax of a configuration.
 * @throws SettingError naming the field that is out of range or contradicts another
 */
function requireSoftmax({ softmax, tieWeights, vocabSize }: LanguageModelConfig): void {
  if (softmax?.name === 'sampled') requirePositiveInteger('softmax.samples', softmax.samples);
  if (softmax?.name !== 'adaptive') return;
  if (tieWeights) {
    throw new SettingError(
      (nameOf) =>
        `${nameOf('tieWeights')}: the tails of an adaptive softmax have weights of their own; leave one of them out`,
    );
  }
  requireCutoffs(cutoffsOf(softmax, vocabSize), vocabSize);
}

function cutoffsOf({ cutoffs }: AdaptiveSoftmaxConfig, vocabSize: number): readonly number[] {
  return cutoffs ?? defaultCutoffs(vocabSize);
}

/** The tails of an adaptive softmax, by falling frequency of their words; empty for other kinds of softmax. */
export function softmaxTails(config: LanguageModelConfig): Tail[] {
  const { softmax, vocabSize } = config;
  return softmax?.name === 'adaptive' ? tailsOf(cutoffsOf(softmax, vocabSize), vocabSize, outputDim(config)) : [];
}

/** The embedding's parameter; with tied weights it also scores words. */
export const embeddingName = 'embedding.embeddings';

/**
 * The parameter in which the output layer has a row for each word; undefined if words are the columns of
 * `output.kernel`.
 */
export function outputTable({ tieWeights, softmax }: LanguageModelConfig): string | undefined {
  if (tieWeights) return embeddingName;
  return softmax?.name === 'sampled' ? 'output.embeddings' : undefined;
}

/** Whether a layer's state includes memory cells besides its output. */
export function hasCellState({ cell }: LanguageModelConfig): boolean {
  return cell === 'lstm' || cell === 'cifg';
}

/** The recurrent layers as a network, whose parameters and states have the model's names. */
export function networkOf(config: LanguageModelConfig): RecurrentNetworkConfig {
  const { cell, embeddingDim, hiddenDim, layers, projectionDim, recurrentBias } = config;
  if (cell === 'rwkv7') throw new RangeError('an rwkv7 has blocks, not stacked cells');
  return recurrentNetworkConfig({
    ...{ name: cell, cell: cell === 'cifg' ? 'lstm' : cell, coupledGates: cell === 'cifg' },
    ...{ inputDim: embeddingDim, hiddenDim, layers },
    ...(projectionDim && { projectionDim }),
    recurrentBias: recurrentBias && hasRecurrentWeights(config),
  });
}

/**
 * The parameters' shapes by name: those of the embedding, of `recurrentParameterShapes` or `rwkv7ParameterShapes`, and of
 * the output layer.
 */
export function parameterShapes(config: LanguageModelConfig): Shapes {
  return {
    [embeddingName]: [config.vocabSize, config.embeddingDim],
    ...(isRwkv7(config) ? rwkv7ParameterShapes(config) : recurrentParameterShapes(networkOf(config))),
    ...outputLayerShapes(config),
  };
}

/** The shapes of the output layer's parameters by name; with tied weights the embedding is among them. */
export function outputLayerShapes(config: LanguageModelConfig): Shapes {
  const { vocabSize, softmax } = config;
  const output = outputDim(config);
  if (softmax?.name === 'adaptive') {
    return adaptiveParameterShapes(cutoffsOf(softmax, vocabSize), vocabSize, output);
  }
  const table = outputTable(config);
  const weights: Shapes =
    table === undefined ? { 'output.kernel': [output, vocabSize] } : { [table]: [vocabSize, output] };
  return { ...weights, 'output.bias': [vocabSize] };
}

/** The state's shapes by name, as in `recurrentStateShapes` or `rwkv7StateShapes`. */
export function stateShapes(config: LanguageModelConfig, batch: number): Shapes {
  if (isRwkv7(config)) return rwkv7StateShapes(config, batch);
  return recurrentStateShapes(networkOf(config), batch);
}

/** The widths of the places where dropout applies: the embedding, then each layer's output. */
export function dropoutWidths(config: LanguageModelConfig): readonly number[] {
  return [config.embeddingDim, ...Array<number>(config.layers).fill(outputDim(config))];
}
