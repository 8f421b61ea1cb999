/** One direction of one layer of a recurrent network: its parameters, its states, and what computes its cell. */
import * as tf from '@tensorflow/tfjs-core';
import type { RecurrentCell } from '../kernels/cells/cell.js';
import { gruCell } from '../kernels/cells/gru-cell.js';
import { lstmCell } from '../kernels/cells/lstm-cell.js';
import { rnnCell } from '../kernels/cells/rnn-cell.js';
import { cellSequence } from '../kernels/cells/sequence.js';
import { minGruSequence } from '../kernels/linear-recurrence/min-gru.js';
import { minLstmSequence } from '../kernels/linear-recurrence/min-lstm.js';
import type { MinimalSequence } from '../kernels/linear-recurrence/minimal-unit.js';
import type { NamedTensors } from '../tensors/named-tensors.js';
import { layerStateShapes, type RecurrentNetworkConfig } from './network-config.js';

export interface LayerInputs {
  /** [time, batch, input] */
  readonly x: tf.Tensor;
  /** The states before the first step, by the names of `recurrentStateShapes`; others are ignored. */
  readonly state: NamedTensors;
  /** float32 [time, batch] of ones and zeros; at a zero, the states stay unchanged. */
  readonly mask?: tf.Tensor | undefined;
}

export interface LayerOutputs {
  /** [time, batch, output] */
  readonly outputs: tf.Tensor3D;
  /** The states after the last step, named as the initial ones. */
  readonly state: NamedTensors;
}

/**
 * Runs one direction of a layer over x, from its first step to its last.
 * @param parameters names and shapes as in `recurrentParameterShapes`
 * @param direction the layer and its direction, as in `layerDirections`: `0`, `0_reverse`, …
 */
export function runLayer(
  config: RecurrentNetworkConfig,
  parameters: NamedTensors,
  direction: string,
  { x, state, mask }: LayerInputs,
): LayerOutputs {
  const parameter = (name: string) => parameters[`${config.name}.${direction}.${name}`];
  const names = Object.keys(layerStateShapes(config, direction, 1));
  const initialStates = names.map((name) => state[name]!);
  const { outputs, states } = runnerOf(config)({ x, mask, parameter, initialStates });
  return { outputs, state: Object.fromEntries(names.map((name, k) => [name, states[k]!])) };
}

interface Sequence {
  readonly x: tf.Tensor;
  readonly mask: tf.Tensor | undefined;
  readonly parameter: (name: string) => tf.Tensor | undefined;
  readonly initialStates: readonly tf.Tensor[];
}

type Runner = (sequence: Sequence) => { readonly outputs: tf.Tensor3D; readonly states: readonly tf.Tensor[] };

function runnerOf(config: RecurrentNetworkConfig): Runner {
  switch (config.cell) {
    case 'rnn':
      return (sequence) => runCell(rnnCell(config.nonlinearity), sequence);
    case 'gru':
      return (sequence) => runCell(gruCell({ resetAfter: config.resetAfter }), sequence, true);
    case 'lstm':
      return (sequence) => runCell(lstmCell(config), sequence);
    case 'mingru':
      return (sequence) => runMinimalUnit(minGruSequence, sequence);
    case 'minlstm':
      return (sequence) => runMinimalUnit(minLstmSequence, sequence);
  }
}

/**
 * Runs a cell whose gates see the state.
 * @param hasSeparateBiases whether the cell treats its two biases differently; otherwise only their sum matters
 */
function runCell(
  cell: RecurrentCell,
  { x, mask, parameter, initialStates }: Sequence,
  hasSeparateBiases = false,
): ReturnType<Runner> {
  const [bias, recurrentBias] = [parameter('bias')!, parameter('recurrent_bias')];
  const [projection, peepholes] = [parameter('projection'), parameter('peepholes')];
  const weights = {
    ...{ kernel: parameter('kernel')!, recurrentKernel: parameter('recurrent_kernel')! },
    bias: recurrentBias && !hasSeparateBiases ? tf.add(bias, recurrentBias) : bias,
    ...(recurrentBias && hasSeparateBiases && { recurrentBias }),
    ...(projection && { projection }),
    ...(peepholes && { peepholes }),
  };
  return cellSequence(cell, { x, mask, weights, initialStates });
}

function runMinimalUnit(
  sequence: MinimalSequence,
  { x, mask, parameter, initialStates: [initialHidden] }: Sequence,
): ReturnType<Runner> {
  const weights = { kernel: parameter('kernel')!, bias: parameter('bias')! };
  const { outputs, hidden } = sequence({ x, ...weights, initialHidden: initialHidden!, ...(mask && { mask }) });
  return { outputs, states: [hidden] };
}
