/** For tests: a golden case, converted to our names and layouts. */
import {
  layerDirections,
  type RecurrentNetworkConfig,
  recurrentNetworkConfig,
  recurrentParameterShapes,
  recurrentStateShapes,
} from '../recurrent/network-config.js';
import { recurrentParametersFromTorch } from '../recurrent/torch-parameters.js';
import type { GoldenCase, GoldenFile, GoldenKind } from './golden.js';
import type { Values } from './onnx-runtime.js';

type Named = Readonly<Record<string, Values>>;

export interface GoldenNetwork {
  readonly config: RecurrentNetworkConfig;
  readonly parameters: Named;
  /** The initial states; empty for zeros. */
  readonly states: Named;
  readonly stateNames: readonly string[];
  /**
   * Weights of the outputs, then of the last states in the order of their names, in the sum that is differentiated.
   */
  readonly weights: readonly Values[];
  /** The outputs, then the last states. */
  readonly outputs: readonly Values[];
  /** Gradients with respect to `x`, the parameters and the initial states. */
  readonly gradients: Named;
}

const kindOptions = {
  'rnn-tanh': { cell: 'rnn' },
  'rnn-relu': { cell: 'rnn', nonlinearity: 'relu' },
  lstm: { cell: 'lstm' },
  'lstm-projection': { cell: 'lstm', projectionDim: 2 },
  gru: { cell: 'gru' },
} as const;

export function goldenNetwork(
  kind: GoldenKind,
  { inputDim, hiddenDim }: GoldenFile,
  golden: GoldenCase,
): GoldenNetwork {
  const { layers, bidirectional } = golden;
  const config = recurrentNetworkConfig({ ...kindOptions[kind], inputDim, hiddenDim, layers, bidirectional });
  const stateNames = Object.keys(recurrentStateShapes(config, 1));
  const withStates = ([first, ...stacked]: readonly Values[]) => {
    const states = statesOf(config, stacked);
    return [first!, ...stateNames.map((name) => states[name]!)];
  };
  return {
    ...{ config, stateNames },
    parameters: parametersOf(config, golden.parameters),
    states: statesOf(config, golden.states),
    weights: withStates(golden.weights),
    outputs: withStates(golden.outputs),
    gradients: {
      x: golden.gradients.x,
      ...parametersOf(config, withoutRecurrentBiases(config, golden.gradients.parameters)),
      ...statesOf(config, golden.gradients.states),
    },
  };
}

/** Converts PyTorch's parameters, or their gradients, to our names. */
function parametersOf(config: RecurrentNetworkConfig, tensors: Named): Named {
  const shapes = recurrentParameterShapes(config);
  return Object.fromEntries(
    Object.entries(recurrentParametersFromTorch(config, tensors)).map(([name, values]) => [
      name,
      { shape: shapes[name]!, values: [...values] },
    ]),
  );
}

/** Keeps one of two biases that became one here: the gradient is that of one of them, not their sum. */
function withoutRecurrentBiases({ cell }: RecurrentNetworkConfig, gradients: Named): Named {
  if (cell === 'gru') return gradients;
  return Object.fromEntries(
    Object.entries(gradients).map(([name, { shape, values }]) => [
      name,
      { shape, values: name.startsWith('bias_hh') ? values.map(() => 0) : values },
    ]),
  );
}

/** Converts PyTorch's h and c of all layers and directions, or their gradients, to our names. */
function statesOf(config: RecurrentNetworkConfig, stacked: readonly Values[]): Named {
  const directions = layerDirections(config);
  return Object.fromEntries(
    stacked.flatMap(({ shape: [, ...shape], values }, k) =>
      directions.map((direction, index) => {
        const size = values.length / directions.length;
        return [`${'hc'[k]}.${direction}`, { shape, values: values.slice(index * size, (index + 1) * size) }];
      }),
    ),
  );
}
