/** The shape of a stacked recurrent network: its configuration, its parameters and its states, by name. */
import { requirePositiveInteger } from '../checks/numbers.js';
import type { Shapes } from '../tensors/shapes.js';
import { gateCounts, hasRecurrentWeights, type NetworkCell, networkCells } from './cells.js';

export interface RecurrentNetworkConfig {
  /** Prefix of the parameters' names. */
  readonly name: string;
  readonly cell: NetworkCell;
  /** The width of the inputs. */
  readonly inputDim: number;
  readonly hiddenDim: number;
  readonly layers: number;
  /** Whether each layer runs in both directions, with separate parameters; their outputs are concatenated. */
  readonly bidirectional: boolean;
  /** For `rnn`: the activation. */
  readonly nonlinearity: 'tanh' | 'relu';
  /**
   * For `gru`: true applies the reset gate after the recurrent product (PyTorch, cuDNN), false before it (Cho et al.
   * 2014).
   */
  readonly resetAfter: boolean;
  /**
   * For `rnn` and `lstm`: whether the recurrent product has a bias of its own, as in PyTorch. A GRU that resets after the
   * product always has one.
   */
  readonly recurrentBias: boolean;
  /** For `lstm`: width to which its output is projected (Sak et al. 2014); default no projection. */
  readonly projectionDim?: number;
  /** For `lstm`: whether f = 1 − i (CIFG, Greff et al. 2017). */
  readonly coupledGates: boolean;
  /** For `lstm`: whether the gates see the cell state (Gers and Schmidhuber 2000). */
  readonly peepholes: boolean;
  /** For `lstm`: limit of the cell state's absolute value after each step; default none. */
  readonly cellClip?: number | undefined;
  /** For `lstm` with a projection: limit of the projected output's absolute value after each step; default none. */
  readonly projectionClip?: number | undefined;
}

type Sizes = Pick<RecurrentNetworkConfig, 'cell' | 'inputDim' | 'hiddenDim'>;

/**
 * Completes a configuration. Defaults: one layer, one direction, the cell's name, the plain variant.
 * @throws RangeError naming the field that is out of range or does not fit the cell
 */
export function recurrentNetworkConfig(options: Sizes & Partial<RecurrentNetworkConfig>): RecurrentNetworkConfig {
  const config: RecurrentNetworkConfig = {
    ...{ name: options.cell, layers: 1, bidirectional: false, nonlinearity: 'tanh', resetAfter: true },
    ...{ recurrentBias: false, coupledGates: false, peepholes: false },
    ...options,
  };
  for (const field of ['inputDim', 'hiddenDim', 'layers', 'projectionDim'] as const) {
    const value = config[field];
    if (field === 'projectionDim' && value === undefined) continue;
    requirePositiveInteger(field, value);
  }
  const { cell, projectionDim, coupledGates, peepholes, nonlinearity, resetAfter, recurrentBias } = config;
  if (!networkCells.includes(cell))
    throw new RangeError(`cell must be one of ${networkCells.join(', ')}, got '${cell}'`);
  if (!['tanh', 'relu'].includes(nonlinearity)) {
    throw new RangeError(`nonlinearity must be tanh or relu, got '${nonlinearity}'`);
  }
  const { cellClip, projectionClip } = config;
  const belongsTo = {
    ...{ projectionDim: 'lstm', coupledGates: 'lstm', peepholes: 'lstm', nonlinearity: 'rnn' },
    ...{ cellClip: 'lstm', projectionClip: 'lstm' },
  } as const;
  const given = {
    ...{ projectionDim, coupledGates, peepholes, nonlinearity: nonlinearity !== 'tanh' },
    ...{ cellClip: cellClip !== undefined, projectionClip: projectionClip !== undefined },
  };
  for (const [field, owner] of Object.entries(belongsTo)) {
    if (given[field as keyof typeof given] && cell !== owner) {
      throw new RangeError(`${field} is an option of '${owner}', not of '${cell}'; leave it out`);
    }
  }
  for (const [field, limit] of Object.entries({ cellClip, projectionClip })) {
    if (limit !== undefined && !(limit > 0)) throw new RangeError(`${field} must be a positive number, got ${limit}`);
  }
  if (projectionClip !== undefined && projectionDim === undefined)
    throw new RangeError('projectionClip: there is no projection to clip; give projectionDim');
  if (!resetAfter && cell !== 'gru')
    throw new RangeError(`resetAfter is an option of 'gru', not of '${cell}'; leave it out`);
  if (recurrentBias && !hasRecurrentWeights(config))
    throw new RangeError(`recurrentBias: a ${cell} has no recurrent weights; leave it out`);
  if (recurrentBias && !resetAfter)
    throw new RangeError('recurrentBias: a GRU that resets before the product has one bias; leave it out');
  return config;
}

/** The layers' directions in order, as in the parameters' names: `0`, `0_reverse`, `1`, … */
export function layerDirections({ layers, bidirectional }: RecurrentNetworkConfig): readonly string[] {
  return Array.from({ length: layers }, (_, layer) =>
    bidirectional ? [`${layer}`, `${layer}_reverse`] : [`${layer}`],
  ).flat();
}

/** The width of one direction's output. */
export function outputDim({
  hiddenDim,
  projectionDim,
}: {
  readonly hiddenDim: number;
  readonly projectionDim?: number | undefined;
}): number {
  return projectionDim ?? hiddenDim;
}

/** The width of a layer's input: the network's input, or the outputs of all directions of the layer below. */
export function layerInputDim(config: RecurrentNetworkConfig, layer: number): number {
  return layer === 0 ? config.inputDim : outputDim(config) * (config.bidirectional ? 2 : 1);
}

/** The number of a cell's gates, which is the width of its kernels in multiples of `hiddenDim`. */
export function gateCount({ cell, coupledGates }: RecurrentNetworkConfig): number {
  return gateCounts[coupledGates ? 'cifg' : cell];
}

/** Whether a layer's recurrent product has a bias of its own. */
export function hasRecurrentBias({ cell, resetAfter, recurrentBias }: RecurrentNetworkConfig): boolean {
  return cell === 'gru' ? resetAfter : recurrentBias;
}

/**
 * The parameters' shapes by name, in Keras's layouts: `lstm.0.kernel` [input, 4·hidden], gates i, f, g, o (i, g, o if
 * coupled; z, r, n in a GRU; z, n in a minGRU; i, f, n in a minLSTM), `lstm.0.recurrent_kernel` [output, 4·hidden], `lstm.0.bias`. Depending on the
 * configuration also `recurrent_bias`, `projection` [hidden, output] and
 * `peepholes` [3, hidden], rows i, f, o (i, o if coupled). The other direction has the same ones:
 * `lstm.0_reverse.kernel`, ….
 */
export function recurrentParameterShapes(config: RecurrentNetworkConfig): Shapes {
  const { name, hiddenDim, projectionDim, coupledGates, peepholes } = config;
  const width = gateCount(config) * hiddenDim;
  const shapes: Record<string, readonly number[]> = {};
  for (const direction of layerDirections(config)) {
    const set = (parameter: string, shape: readonly number[]) => {
      shapes[`${name}.${direction}.${parameter}`] = shape;
    };
    set('kernel', [layerInputDim(config, Number.parseInt(direction, 10)), width]);
    if (hasRecurrentWeights(config)) set('recurrent_kernel', [outputDim(config), width]);
    set('bias', [width]);
    if (hasRecurrentBias(config)) set('recurrent_bias', [width]);
    if (projectionDim) set('projection', [hiddenDim, projectionDim]);
    if (peepholes) set('peepholes', [coupledGates ? 2 : 3, hiddenDim]);
  }
  return shapes;
}

/**
 * The states' shapes by name: `h.0` [batch, output] for the first layer, `c.0` [batch, hidden] for its cell state,
 * `h.0_reverse`, …
 */
export function recurrentStateShapes(config: RecurrentNetworkConfig, batch: number): Shapes {
  return Object.assign({}, ...layerDirections(config).map((direction) => layerStateShapes(config, direction, batch)));
}

/** The shapes of the states of one layer and direction, by name. */
export function layerStateShapes(config: RecurrentNetworkConfig, direction: string, batch: number): Shapes {
  const hidden = { [`h.${direction}`]: [batch, outputDim(config)] };
  return config.cell === 'lstm' ? { ...hidden, [`c.${direction}`]: [batch, config.hiddenDim] } : hidden;
}
