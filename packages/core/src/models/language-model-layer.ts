/** Runs one recurrent layer of a language model: chooses the kernel for the cell, and the layer's parameters. */
import * as tf from '@tensorflow/tfjs-core';
import { lstmCell } from '../kernels/cells/lstm-cell.js';
import { cellSequence } from '../kernels/cells/sequence.js';
import { gruSequence } from '../kernels/gru/sequence.js';
import { lstmSequence } from '../kernels/lstm/sequence.js';
import { minGruSequence } from '../kernels/mingru/sequence.js';
import { minLstmSequence } from '../kernels/minlstm/sequence.js';
import { rnnSequence } from '../kernels/rnn/sequence.js';
import { hasRecurrentWeights } from '../recurrent/cells.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import type { LanguageModelConfig } from './language-model-config.js';

/**
 * Runs a layer over x [time, batch, input], and puts its last state into `nextState`.
 * @param state tensors by the names of `stateShapes`
 * @returns [time, batch, output]
 */
export function runLayer(
  config: LanguageModelConfig,
  parameters: NamedTensors,
  layer: number,
  x: tf.Tensor,
  state: NamedTensors,
  nextState: NamedTensors,
): tf.Tensor {
  const { cell, recurrentBias } = config;
  const parameter = (name: string) => parameters[`${cell}.${layer}.${name}`]!;
  if (!hasRecurrentWeights(config)) {
    const sequence = cell === 'mingru' ? minGruSequence : minLstmSequence;
    const initialHidden = state[`h.${layer}`]!;
    const { outputs, hidden } = sequence({ x, kernel: parameter('kernel'), bias: parameter('bias'), initialHidden });
    nextState[`h.${layer}`] = hidden;
    return outputs;
  }
  const weights = {
    kernel: parameter('kernel'),
    recurrentKernel: parameter('recurrent_kernel'),
    bias: recurrentBias && cell !== 'gru' ? tf.add(parameter('bias'), parameter('recurrent_bias')) : parameter('bias'),
  };
  const inputs = { x, ...weights, initialHidden: state[`h.${layer}`]! };
  const keep = (hidden: tf.Tensor, cellState?: tf.Tensor) => {
    nextState[`h.${layer}`] = hidden;
    if (cellState) nextState[`c.${layer}`] = cellState;
  };
  if (cell === 'rnn') {
    const { outputs, hidden } = rnnSequence(inputs);
    keep(hidden);
    return outputs;
  }
  if (cell === 'gru') {
    const { outputs, hidden } = gruSequence({ ...inputs, recurrentBias: parameter('recurrent_bias') });
    keep(hidden);
    return outputs;
  }
  if (cell === 'lstm' && !config.projectionDim) {
    const { outputs, hidden, cell: lastCell } = lstmSequence({ ...inputs, initialCell: state[`c.${layer}`]! });
    keep(hidden, lastCell);
    return outputs;
  }
  const { outputs, states } = cellSequence(lstmCell({ coupledGates: cell === 'cifg' }), {
    x,
    weights: { ...weights, ...(config.projectionDim && { projection: parameter('projection') }) },
    initialStates: [state[`h.${layer}`]!, state[`c.${layer}`]!],
  });
  keep(states[0]!, states[1]!);
  return outputs;
}
