/**
 * A stacked recurrent network in one or both directions over sequences of equal or unequal lengths, in the manner of
 * PyTorch's `nn.RNN`, `nn.LSTM` and `nn.GRU`. Language models and all applications use it. It is a pure function of its
 * parameters: it runs on every backend, is differentiable and can be traced. `network-config.ts` has its configuration
 * and the parameters' names; `layer.ts` runs one of its layers.
 */
import * as tf from '@tensorflow/tfjs-core';
import { lengthMask } from '../tensors/length-mask.js';
import { assertShapes, type NamedTensors } from '../tensors/named-tensors.js';
import { runLayer } from './layer.js';
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
  const initial = state ?? zeroStates(config, batch);
  assertShapes('recurrentNetwork', initial, recurrentStateShapes(config, batch));
  const mask = lengths && lengthMask(lengths, time);
  const last: NamedTensors = {};
  let outputs = x;
  for (let layer = 0; layer < config.layers; layer++) {
    const input = layer > 0 && dropoutMasks[layer - 1] ? tf.mul(outputs, dropoutMasks[layer - 1]!) : outputs;
    const directions = config.bidirectional ? [`${layer}`, `${layer}_reverse`] : [`${layer}`];
    const sides = directions.map((direction, k) => {
      const turned = (sequence: tf.Tensor) => (k === 1 ? tf.reverse(sequence, 0) : sequence);
      const inputs = { x: turned(input), mask: mask && turned(mask), state: initial };
      const { outputs: side, state: after } = runLayer(config, parameters, direction, inputs);
      Object.assign(last, after);
      return turned(side);
    });
    const joined = sides.length === 1 ? sides[0]! : tf.concat(sides, 2);
    outputs = mask ? tf.mul(joined, tf.expandDims(mask, 2)) : joined;
  }
  return { outputs: outputs as tf.Tensor3D, state: last };
}

/** The states of a network before any input. */
export function zeroStates(config: RecurrentNetworkConfig, batch: number): NamedTensors {
  const shapes = Object.entries(recurrentStateShapes(config, batch));
  return Object.fromEntries(shapes.map(([name, shape]) => [name, tf.zeros([...shape])]));
}
