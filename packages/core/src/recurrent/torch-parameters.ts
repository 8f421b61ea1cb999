/**
 * Converts parameters of PyTorch's `nn.RNN`, `nn.LSTM` and `nn.GRU` to those of a recurrent network here. PyTorch
 * stores matrices transposed, the GRU's gates in the order r, z, n, and two biases where one may be equivalent.
 */

import { elementCount } from '../tensors/shapes.js';
import { hasRecurrentWeights } from './cells.js';
import {
  gateCount,
  hasRecurrentBias,
  layerDirections,
  layerInputDim,
  outputDim,
  type RecurrentNetworkConfig,
} from './network-config.js';
import { transposed, withGatesReordered } from './torch-layout.js';

/** A tensor's elements, row-major. */
export interface ShapedValues {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/**
 * Converts a `state_dict`.
 * @param tensors `weight_ih_l0` [gates·hidden, input], `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, with a projection
 * `weight_hr_l0`, each also with `_reverse`; without biases (`bias=False`) the result has zeros
 * @param prefix prefix of the names in a larger model's `state_dict`, such as `encoder.`
 * @returns the values by name, in the shapes of `recurrentParameterShapes`
 * @throws RangeError if a tensor is missing or has another shape, or if PyTorch has no such network
 */
export function recurrentParametersFromTorch(
  config: RecurrentNetworkConfig,
  tensors: Readonly<Record<string, ShapedValues>>,
  prefix = '',
): Record<string, Float32Array<ArrayBuffer>> {
  const { name, cell, hiddenDim, projectionDim } = config;
  const unknown = config.peepholes ? 'peepholes' : config.coupledGates ? 'coupledGates' : undefined;
  if (!hasRecurrentWeights(config)) {
    throw new RangeError(`PyTorch has no ${cell}; give the configuration of the network that was saved`);
  }
  if (unknown || !config.resetAfter) {
    throw new RangeError(
      `PyTorch has no ${cell} with ${unknown ?? 'resetAfter: false'}; give the configuration of the network that was saved`,
    );
  }
  const width = gateCount(config) * hiddenDim;
  const parameters: Record<string, Float32Array<ArrayBuffer>> = {};
  for (const direction of layerDirections(config)) {
    const read = (kind: string, shape: readonly number[]) => checked(tensors, `${prefix}${kind}_l${direction}`, shape);
    const bias = (kind: string) =>
      `${prefix}${kind}_l${direction}` in tensors
        ? withGatesReordered(cell, read(kind, [width]))
        : new Float32Array(width);
    const set = (parameter: string, values: Float32Array<ArrayBuffer>) => {
      parameters[`${name}.${direction}.${parameter}`] = values;
    };
    const input = layerInputDim(config, Number.parseInt(direction, 10));
    const output = outputDim(config);
    set('kernel', transposed(withGatesReordered(cell, read('weight_ih', [width, input])), width));
    set('recurrent_kernel', transposed(withGatesReordered(cell, read('weight_hh', [width, output])), width));
    const [inputBias, recurrentBias] = [bias('bias_ih'), bias('bias_hh')];
    if (hasRecurrentBias(config)) {
      set('bias', inputBias);
      set('recurrent_bias', recurrentBias);
    } else {
      set(
        'bias',
        inputBias.map((value, k) => value + recurrentBias[k]!),
      );
    }
    if (projectionDim) set('projection', transposed(read('weight_hr', [projectionDim, hiddenDim]), projectionDim));
  }
  return parameters;
}

function checked(
  tensors: Readonly<Record<string, ShapedValues>>,
  name: string,
  shape: readonly number[],
): Float32Array<ArrayBuffer> {
  const tensor = tensors[name];
  if (!tensor) throw new RangeError(`the tensor '${name}' [${shape}] is missing`);
  if (`${tensor.shape}` !== `${shape}` || tensor.values.length !== elementCount(shape)) {
    throw new RangeError(`the tensor '${name}' is [${tensor.shape}], the configuration says [${shape}]`);
  }
  return Float32Array.from(tensor.values);
}
