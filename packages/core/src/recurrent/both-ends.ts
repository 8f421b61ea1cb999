/**
 * One step of a bidirectional layer, for devices that read a whole sequence step by step: the forward direction takes
 * the next input from the front, the reverse direction the next one from the back.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { runLayer } from './layer.js';
import { layerDirections, type RecurrentNetworkConfig } from './network-config.js';

/**
 * Makes the step.
 * @param config a network of one bidirectional layer
 * @param x [2, input], the inputs from the front and from the back
 * @param state by the names of `recurrentStateShapes`, each of a batch of 1
 * @returns the states after the step; those named `h.*` are also the outputs
 */
export function stepFromBothEnds(
  config: RecurrentNetworkConfig,
  parameters: NamedTensors,
  x: tf.Tensor,
  state: NamedTensors,
): NamedTensors {
  const width = x.shape[1]!;
  const sides = layerDirections(config).map((direction, k) => {
    const row = tf.reshape(tf.slice(x, [k, 0], [1, width]), [1, 1, width]);
    return runLayer(config, parameters, direction, { x: row, state }).state;
  });
  return Object.assign({}, ...sides);
}
