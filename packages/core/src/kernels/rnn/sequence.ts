/**
 * `RnnSequence`: the simple (Elman) recurrent network over a whole sequence and its back-propagation through time.
 * Elman, "Finding structure in time" (1990); h_t = f(x_t·W + h_(t−1)·U + b), f = tanh or relu.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import {
  flattenSteps,
  inputProjectionGradients,
  joinSteps,
  previousStates,
  projectInputs,
  splitSteps,
  stackSteps,
  tanhDerivative,
} from '../time-steps.js';

export type RnnActivation = 'tanh' | 'relu';

export interface RnnSequenceInputs {
  /** [time, batch, input] */
  readonly x: tf.Tensor;
  /** [input, hidden] */
  readonly kernel: tf.Tensor;
  /** [hidden, hidden] */
  readonly recurrentKernel: tf.Tensor;
  /** [hidden] */
  readonly bias: tf.Tensor;
  /** [batch, hidden] */
  readonly initialHidden: tf.Tensor;
}

const kernel = defineKernel<RnnSequenceInputs & Record<string, tf.Tensor>, { activation: RnnActivation }>({
  name: 'RnnSequence',
  forward: ({ x, kernel, recurrentKernel, bias, initialHidden }, { activation }) => {
    const hidden: tf.Tensor[] = [];
    for (const projected of projectInputs(x, kernel, bias)) {
      const preActivation = tf.add(tf.matMul(hidden.at(-1) ?? initialHidden, recurrentKernel), projected);
      hidden.push(activation === 'tanh' ? tf.tanh(preActivation) : tf.relu(preActivation));
    }
    return [stackSteps(hidden), tf.clone(hidden.at(-1)!)];
  },
  saves: { inputs: ['x', 'kernel', 'recurrentKernel', 'initialHidden'], outputs: [true, false] },
  gradient: ([dOutputs, dLast], [x, kernel, recurrentKernel, initialHidden, outputs], { activation }) => {
    const time = x!.shape[0]!;
    const hidden = flattenSteps(outputs!); // [time·batch, hidden]
    const derivative = activation === 'tanh' ? tanhDerivative(hidden) : tf.step(hidden);
    const dOutputSteps = splitSteps(flattenSteps(dOutputs!), time);
    const derivativeSteps = splitSteps(derivative, time);
    const dPreActivations: tf.Tensor[] = [];
    let dHidden = dLast!;
    for (let t = time - 1; t >= 0; t--) {
      const dPreActivation = tf.mul(tf.add(dHidden, dOutputSteps[t]!), derivativeSteps[t]!);
      dHidden = tf.matMul(dPreActivation, recurrentKernel!, false, true);
      dPreActivations.unshift(dPreActivation);
    }
    const dRows = joinSteps(dPreActivations); // [time·batch, hidden]
    return {
      ...inputProjectionGradients(x!, kernel!, dRows),
      recurrentKernel: () => tf.matMul(previousStates(initialHidden!, hidden), dRows, true, false),
      initialHidden: () => tf.clone(dHidden),
    };
  },
});

/**
 * Runs a simple recurrent network over a sequence.
 * @returns `outputs` [time, batch, hidden], every hidden state, and `hidden` [batch, hidden], the last one
 */
export function rnnSequence(
  inputs: RnnSequenceInputs,
  activation: RnnActivation = 'tanh',
): { outputs: tf.Tensor3D; hidden: tf.Tensor2D } {
  const [outputs, hidden] = kernel({ ...inputs }, { activation });
  return { outputs: outputs as tf.Tensor3D, hidden: hidden as tf.Tensor2D };
}
