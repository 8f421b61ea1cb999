/**
 * A stacked recurrent network in one or both directions over sequences of equal or unequal lengths, in the manner of
 * PyTorch's `nn.RNN`, `nn.LSTM` and `nn.GRU`. It is a pure function of its parameters: it runs on every backend, is
 * differentiable and can be traced. `network-config.ts` has its configuration and the parameters' names.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { RecurrentCell } from '../kernels/cells/cell.js';
import { gruCell } from '../kernels/cells/gru-cell.js';
import { lstmCell } from '../kernels/cells/lstm-cell.js';
import { rnnCell } from '../kernels/cells/rnn-cell.js';
import { cellSequence } from '../kernels/cells/sequence.js';
import { gruSequence } from '../kernels/gru/sequence.js';
import { lstmSequence } from '../kernels/lstm/sequence.js';
import { rnnSequence } from '../kernels/rnn/sequence.js';
import { lengthMask } from '../tensors/length-mask.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { assertShapes } from '../tensors/named-tensors.js';
import type { Shapes } from '../tensors/shapes.js';
import { type RecurrentNetworkConfig, recurrentParameterShapes, recurrentStateShapes } from './network-config.js';

export interface RecurrentNetworkInputs {
  /** The initial states, by the names of `recurrentStateShapes`; default zeros. */
  readonly state?: NamedTensors;
  /**
   * int32 [batch], each in [0, time]: the length of each sequence; default `time`. Values of `x` after a sequence's end
   * have no influence, as long as they are finite.
   */
  readonly lengths?: tf.Tensor;
  /**
   * Dropout between the layers: for each layer except the last, a factor for its outputs, [time, batch, features] or
   * broadcastable to that. Leave it out to run without dropout.
   */
  readonly dropoutMasks?: readonly tf.Tensor[];
}

export interface RecurrentNetworkOutputs {
  /** The outputs of the last layer, [time, batch, directions·output]; zero after a sequence's end. */
  readonly outputs: tf.Tensor3D;
  /**
   * The states after each sequence's last step, for the reverse direction after its first step; named as the initial
   * ones.
   */
  readonly state: NamedTensors;
}

/**
 * Runs the network over x.
 * @param parameters names and shapes as in `recurrentParameterShapes`; others are ignored
 * @param x [time, batch, input]
 * @throws RangeError naming a parameter, state or input that is missing or has another shape
 */
export function recurrentNetwork(
  config: RecurrentNetworkConfig,
  parameters: NamedTensors,
  x: tf.Tensor,
  { state, lengths, dropoutMasks = [] }: RecurrentNetworkInputs = {},
): RecurrentNetworkOutputs {
  const [time = 0, batch = 0] = x.shape;
  assertShapes('recurrentNetwork', parameters, recurrentParameterShapes(config));
  assertShapes('recurrentNetwork', { x }, { x: [time, batch, config.inputDim] });
  const stateShapes = recurrentStateShapes(config, batch);
  const initial = state ?? zeros(stateShapes);
  assertShapes('recurrentNetwork', initial, stateShapes);
  const mask = lengths && lengthMask(lengths, time);
  const run = sequenceRunner(config);
  const last: NamedTensors = {};
  let outputs = x;
  for (let layer = 0; layer < config.layers; layer++) {
    const input = layer > 0 && dropoutMasks[layer - 1] ? tf.mul(outputs, dropoutMasks[layer - 1]!) : outputs;
    const directions = config.bidirectional ? [`${layer}`, `${layer}_reverse`] : [`${layer}`];
    const sides = directions.map((direction, k) => {
      const turned = (sequence: tf.Tensor) => (k === 1 ? tf.reverse(sequence, 0) : sequence);
      const result = run({
        x: turned(input),
        mask: mask && turned(mask),
        parameter: (name) => parameters[`${config.name}.${direction}.${name}`],
        initialStates: stateNames(config, direction).map((name) => initial[name]!),
      });
      stateNames(config, direction).forEach((name, index) => {
        last[name] = result.states[index]!;
      });
      return turned(result.outputs);
    });
    const joined = sides.length === 1 ? sides[0]! : tf.concat(sides, 2);
    outputs = mask ? tf.mul(joined, tf.expandDims(mask, 2)) : joined;
  }
  return { outputs: outputs as tf.Tensor3D, state: last };
}

interface Sequence {
  readonly x: tf.Tensor;
  readonly mask: tf.Tensor | undefined;
  readonly parameter: (name: string) => tf.Tensor | undefined;
  readonly initialStates: readonly tf.Tensor[];
}

type Run = (sequence: Sequence) => { outputs: tf.Tensor; states: readonly tf.Tensor[] };

/**
 * Chooses how one direction of a layer runs: with a plain kernel, which is faster, if it supports the configuration and
 * there is no mask.
 */
function sequenceRunner(config: RecurrentNetworkConfig): Run {
  const general = cellRunner(cellOf(config));
  if (config.projectionDim || config.coupledGates || config.peepholes) return general;
  const plain = plainRunner(config);
  return (sequence) => (sequence.mask ? general(sequence) : plain(sequence));
}

function cellOf(config: RecurrentNetworkConfig): RecurrentCell {
  switch (config.cell) {
    case 'rnn':
      return rnnCell(config.nonlinearity);
    case 'gru':
      return gruCell({ resetAfter: config.resetAfter });
    case 'lstm':
      return lstmCell({ coupledGates: config.coupledGates });
  }
}

function cellRunner(cell: RecurrentCell): Run {
  return ({ x, mask, parameter, initialStates }) => {
    const [recurrentBias, projection, peepholes] = ['recurrent_bias', 'projection', 'peepholes'].map(parameter);
    const weights = {
      ...{ kernel: parameter('kernel')!, recurrentKernel: parameter('recurrent_kernel')!, bias: parameter('bias')! },
      ...(recurrentBias && { recurrentBias }),
      ...(projection && { projection }),
      ...(peepholes && { peepholes }),
    };
    return cellSequence(cell, { x, mask, weights, initialStates });
  };
}

function plainRunner({ cell, nonlinearity }: RecurrentNetworkConfig): Run {
  return ({ x, parameter, initialStates: [initialHidden, initialCell] }) => {
    const inputs = {
      x,
      kernel: parameter('kernel')!,
      recurrentKernel: parameter('recurrent_kernel')!,
      bias: parameter('bias')!,
      initialHidden: initialHidden!,
    };
    if (cell === 'lstm') {
      const { outputs, hidden, cell } = lstmSequence({ ...inputs, initialCell: initialCell! });
      return { outputs, states: [hidden, cell] };
    }
    const recurrentBias = parameter('recurrent_bias');
    const { outputs, hidden } =
      cell === 'rnn'
        ? rnnSequence(inputs, nonlinearity)
        : gruSequence(recurrentBias ? { ...inputs, recurrentBias } : inputs);
    return { outputs, states: [hidden] };
  };
}

const stateNames = ({ cell }: RecurrentNetworkConfig, direction: string): string[] =>
  cell === 'lstm' ? [`h.${direction}`, `c.${direction}`] : [`h.${direction}`];

const zeros = (shapes: Shapes): NamedTensors =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, tf.zeros([...shape])]));
