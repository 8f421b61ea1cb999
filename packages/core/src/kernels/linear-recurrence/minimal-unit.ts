/**
 * The kernels of minimal recurrent units, whose gates do not see the state. A unit says how z and n follow from the
 * input, and how the gradient passes back through that; `interpolation.ts` has the recurrence.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import { flattenSteps, inputProjectionGradients, previousStates } from '../time-steps.js';
import { type Interpolation, interpolate, interpolationGradients } from './interpolation.js';

export interface MinimalUnitInputs {
  /** [time, batch, input] */
  readonly x: tf.Tensor;
  /** [input, gates·hidden] */
  readonly kernel: tf.Tensor;
  /** [gates·hidden] */
  readonly bias: tf.Tensor;
  /** [batch, hidden] */
  readonly initialHidden: tf.Tensor;
  /** float32 [time, batch] of ones and zeros; at a zero, the state stays unchanged. */
  readonly mask?: tf.Tensor;
}

/** Gates of all steps, each [time·batch, hidden]. */
export interface MinimalUnitGates extends Interpolation {
  /** The gates that z is computed from, if it is not one itself. */
  readonly reserve: readonly tf.Tensor[];
}

export interface MinimalUnit {
  /** Name of the kernel. */
  readonly name: string;
  readonly gates: (inputs: Omit<MinimalUnitInputs, 'initialHidden'>) => MinimalUnitGates;
  /** Number of tensors in `reserve`. */
  readonly reserve: number;
  /** Gradients with respect to the gates before their activations, without n, from the gradient with respect to z. */
  readonly gateGradients: (dUpdate: tf.Tensor, gates: MinimalUnitGates) => readonly tf.Tensor[];
}

/** Runs a minimal unit over a sequence. */
export type MinimalSequence = (inputs: MinimalUnitInputs) => {
  /** Every hidden state, [time, batch, hidden]. */
  readonly outputs: tf.Tensor3D;
  /** The last hidden state, [batch, hidden]. */
  readonly hidden: tf.Tensor2D;
};

/** Defines the kernel of a unit. Its outputs: all h, the last h; then, saved for the backward pass, z, n and the reserve. */
export function minimalSequence({ name, gates, reserve, gateGradients }: MinimalUnit): MinimalSequence {
  const kernel = defineKernel<MinimalUnitInputs & Record<string, tf.Tensor>, object>({
    name,
    forward: (inputs) => {
      const { x, initialHidden } = inputs;
      const [time = 0] = x.shape;
      const { update, candidate, reserve } = gates(inputs);
      const { states, last } = interpolate({ update, candidate }, initialHidden, time);
      return [tf.reshape(states, [time, ...initialHidden.shape]), last, update, candidate, ...reserve];
    },
    saves: {
      inputs: ['x', 'kernel', 'initialHidden'],
      outputs: [true, false, true, true, ...Array<boolean>(reserve).fill(true)],
    },
    gradient: ([dOutputs, dLast], [x, kernel, initialHidden, outputs, update, candidate, ...reserve]) => {
      const [time = 0] = x!.shape;
      const forward = { update: update!, candidate: candidate! };
      const previous = previousStates(initialHidden!, flattenSteps(outputs!));
      const d = interpolationGradients(flattenSteps(dOutputs!), dLast!, { ...forward, previous }, time);
      const dGates = gateGradients(d.update, { ...forward, reserve });
      const dRows = tf.concat([...dGates, d.candidate], 1); // [time·batch, gates·hidden]
      return { ...inputProjectionGradients(x!, kernel!, dRows), initialHidden: () => tf.clone(d.initial) };
    },
  });
  return (inputs) => {
    const [outputs, hidden, ...saved] = kernel({ ...inputs }, {});
    for (const tensor of saved) tensor.dispose();
    return { outputs: outputs as tf.Tensor3D, hidden: hidden as tf.Tensor2D };
  };
}

/** x·W + b of all steps in one product, split into `count` tensors [time·batch, hidden]. */
export function inputGates({ x, kernel, bias }: Pick<MinimalUnitInputs, 'x' | 'kernel' | 'bias'>, count: number) {
  return tf.split(tf.add(tf.matMul(flattenSteps(x), kernel), bias), count, 1);
}

/** Sets z to zero at masked steps: the state stays unchanged, and no gradient reaches the inputs of z. */
export function masked(update: tf.Tensor, mask: tf.Tensor | undefined): tf.Tensor {
  return mask ? tf.mul(update, tf.reshape(mask, [-1, 1])) : update;
}
