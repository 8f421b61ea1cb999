/**
 * The shape of ELMo (Peters et al. 2018, "Deep contextualized word representations"): its sizes, its parameters by name
 * and their initial values.
 */
import { isPositiveInteger, requirePositiveInteger } from '../checks/numbers.js';
import {
  type RecurrentNetworkConfig,
  recurrentNetworkConfig,
  recurrentParameterShapes,
  recurrentStateShapes,
} from '../recurrent/network-config.js';
import type { Shapes } from '../tensors/shapes.js';
import { uniformParameters } from './initial-parameters.js';

export interface ElmoConfig {
  /**
   * Number of words that the language model predicts; without it, the model has no output layer and only extracts
   * features. Input words are not limited to them, because they are read by their characters.
   */
  readonly vocabSize?: number | undefined;
  /** Number of rows of the character table. */
  readonly characters: number;
  /** Number of characters to which every word is padded or cut. */
  readonly maxCharacters: number;
  readonly characterDim: number;
  /** Convolutions over the characters: the number of characters that each spans and the number of its features. */
  readonly convolutions: readonly ElmoConvolution[];
  readonly highwayLayers: number;
  /** Units of each direction's LSTMs. */
  readonly hiddenDim: number;
  /** Width of a word's vector and of each LSTM's projected output; features are twice as wide. */
  readonly projectionDim: number;
  /** Limit of the absolute value of each LSTM's cell state; default none. The published model has 3. */
  readonly cellClip?: number | undefined;
  /** Limit of the absolute value of each LSTM's projected output; default none. The published model has 3. */
  readonly projectionClip?: number | undefined;
}

export interface ElmoConvolution {
  readonly width: number;
  readonly features: number;
}

/** LSTM layers of each direction, as in the paper. */
const lstmLayers = 2;

/** Number of layers that {@link elmoMixShapes} weights: the words' vectors and the outputs of the LSTMs. */
const mixedLayers = 1 + lstmLayers;

/**
 * The published model's sizes, except its vocabulary (section 3.4 of the paper; AllenNLP's `elmo_2x4096_512_2048cnn`).
 */
const published: ElmoConfig = {
  characters: 261,
  maxCharacters: 50,
  characterDim: 16,
  convolutions: [32, 32, 64, 128, 256, 512, 1024].map((features, k) => ({ width: k + 1, features })),
  highwayLayers: 2,
  hiddenDim: 4096,
  projectionDim: 512,
};

/**
 * Completes a configuration; sizes left out are those of the published model.
 * @throws RangeError naming the field that is out of range
 */
export function elmoConfig(options: Partial<ElmoConfig>): ElmoConfig {
  const config = { ...published, ...options };
  const { convolutions, highwayLayers, cellClip, projectionClip, vocabSize, ...sizes } = config;
  if (vocabSize !== undefined) requirePositiveInteger('vocabSize', vocabSize);
  for (const [field, value] of Object.entries(sizes)) {
    requirePositiveInteger(field, value);
  }
  if (highwayLayers !== 0 && !isPositiveInteger(highwayLayers)) {
    throw new RangeError(`highwayLayers must be 0 or a positive integer, got ${highwayLayers}`);
  }
  if (convolutions.length === 0) throw new RangeError('convolutions must have at least one');
  for (const { width, features } of convolutions) {
    requirePositiveInteger("a convolution's features", features);
    if (!isPositiveInteger(width) || width > config.maxCharacters) {
      throw new RangeError(
        `a convolution's width must be from 1 to maxCharacters ${config.maxCharacters}, got ${width}`,
      );
    }
  }
  elmoNetwork(config, 'forward'); // checks the limits
  return config;
}

/**
 * The shapes of the language model's parameters by name: `characters.embeddings`; `convolution.<k>.kernel`
 * [width·characterDim, features] and `.bias`; `highway.<k>.kernel` [features, 2·features], transform and gate, and
 * `.bias`; `projection.kernel` and `.bias`; `forward.<layer>.*` and `backward.<layer>.*` as in
 * `recurrentParameterShapes`; with a vocabulary, `output.kernel` [projectionDim, vocabSize] and `.bias`, shared by both
 * directions.
 */
export function elmoParameterShapes(config: ElmoConfig): Shapes {
  const { vocabSize, characters, characterDim, convolutions, highwayLayers, projectionDim } = config;
  const wide = featureCount(config);
  const shapes: Record<string, readonly number[]> = { 'characters.embeddings': [characters, characterDim] };
  const linear = (name: string, inputs: number, outputs: number) => {
    shapes[`${name}.kernel`] = [inputs, outputs];
    shapes[`${name}.bias`] = [outputs];
  };
  for (const [k, { width, features }] of convolutions.entries()) {
    linear(`convolution.${k}`, width * characterDim, features);
  }
  for (let k = 0; k < highwayLayers; k++) linear(`highway.${k}`, wide, 2 * wide);
  linear('projection', wide, projectionDim);
  for (const direction of ['forward', 'backward'] as const) {
    Object.assign(shapes, recurrentParameterShapes(elmoNetwork(config, direction)));
  }
  if (vocabSize !== undefined) linear('output', projectionDim, vocabSize);
  return shapes;
}

/** The shapes of the states by name: `forward.h.0`, `forward.c.0`, `backward.h.0`, …, as in `recurrentStateShapes`. */
export function elmoStateShapes(config: ElmoConfig, batch: number): Shapes {
  const directions = (['forward', 'backward'] as const).flatMap((direction) =>
    Object.entries(recurrentStateShapes(elmoNetwork(config, direction), batch)).map(
      ([name, shape]) => [`${direction}.${name}`, shape] as const,
    ),
  );
  return Object.fromEntries(directions);
}

/** The shapes of a task's own parameters: `mix.weights`, one for each mixed layer, and the scalar `mix.gamma`. */
export const elmoMixShapes: Shapes = { 'mix.weights': [mixedLayers], 'mix.gamma': [] };

/**
 * Draws initial parameters, including those of {@link elmoMixShapes}. Characters are uniform in ±1; other matrices in
 * ±1/√n, where n is the number of features that an output sums over. Highway gates start nearly closed (a bias of −2,
 * Srivastava et al. 2015, section 2.2), forget gates open (1). Layers are mixed equally, γ = 1.
 * @param seed an integer in [0, 2^53)
 */
export function initialElmoParameters(config: ElmoConfig, seed: number): Record<string, Float32Array<ArrayBuffer>> {
  const shapes = { ...elmoParameterShapes(config), ...elmoMixShapes };
  const drawn = Object.entries(shapes).map(([name, shape]) =>
    uniformParameters({ [name]: shape }, { seed, range: rangeOf(name, shape) }),
  );
  const parameters: Record<string, Float32Array<ArrayBuffer>> = Object.assign({}, ...drawn);
  for (let k = 0; k < config.highwayLayers; k++) {
    const bias = parameters[`highway.${k}.bias`]!;
    bias.fill(-2, bias.length / 2);
  }
  for (const direction of ['forward', 'backward'] as const) {
    const recurrent = Object.entries(recurrentParameterShapes(elmoNetwork(config, direction)));
    const biases = recurrent.filter(([, shape]) => shape.length === 1);
    for (const [name] of biases) parameters[name]!.fill(1, config.hiddenDim, 2 * config.hiddenDim);
  }
  parameters['mix.gamma']!.fill(1);
  return parameters;
}

function rangeOf(name: string, shape: readonly number[]): number {
  if (shape.length < 2) return 0;
  return name === 'characters.embeddings' ? 1 : 1 / Math.sqrt(shape[0]!);
}

/** Number of features of all convolutions together. */
function featureCount({ convolutions }: ElmoConfig): number {
  return convolutions.reduce((sum, { features }) => sum + features, 0);
}

/** The LSTMs of one direction as a network, without their skip connections. */
export function elmoNetwork(
  { hiddenDim, projectionDim, cellClip, projectionClip }: ElmoConfig,
  direction: 'forward' | 'backward',
): RecurrentNetworkConfig {
  const sizes = { inputDim: projectionDim, hiddenDim, projectionDim, layers: lstmLayers, cellClip, projectionClip };
  return recurrentNetworkConfig({ name: direction, cell: 'lstm', ...sizes });
}
