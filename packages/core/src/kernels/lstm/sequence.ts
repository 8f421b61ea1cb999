/**
 * `LstmSequence`: long short-term memory over a whole sequence and its back-propagation through time.
 * Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000); gates stand in Keras's order i, f, g, o:
 *
 *   [i f g o] = [σ σ tanh σ](x_t·W + h_(t−1)·U + b)    c_t = f∘c_(t−1) + i∘g    h_t = o∘tanh(c_t)
 *
 * Backward, with dh and dc the gradients that reach h_t and c_t:
 *
 *   dc += dh∘o∘(1 − tanh²c_t)    d[i f g o] = [dc∘g∘i(1−i)  dc∘c_(t−1)∘f(1−f)  dc∘i∘(1−g²)  dh∘tanh(c_t)∘o(1−o)]
 *   dh_(t−1) = d[i f g o]·Uᵀ     dc_(t−1) = dc∘f
 *
 * All factors except dh and dc are known after the forward pass, so they are computed for all steps at once.
 */
import * as tf from '@tensorflow/tfjs-core';
import { defineKernel } from '../kernel.js';
import {
  flattenSteps,
  inputProjectionGradients,
  joinSteps,
  previousStates,
  projectInputs,
  sigmoidDerivative,
  splitSteps,
  stackSteps,
  tanhDerivative,
} from '../time-steps.js';

export interface LstmSequenceInputs {
  /** [time, batch, input] */
  readonly x: tf.Tensor;
  /** [input, 4·hidden] */
  readonly kernel: tf.Tensor;
  /** [hidden, 4·hidden] */
  readonly recurrentKernel: tf.Tensor;
  /** [4·hidden] */
  readonly bias: tf.Tensor;
  /** [batch, hidden] */
  readonly initialHidden: tf.Tensor;
  /** [batch, hidden] */
  readonly initialCell: tf.Tensor;
}

/**
 * Outputs: all h, the last h, the last c; then, saved for the backward pass, i, f, g, o, c and tanh(c) of all steps.
 */
const savedOutputs = [true, false, false, true, true, true, true, true, true];

const kernel = defineKernel<LstmSequenceInputs & Record<string, tf.Tensor>, object>({
  name: 'LstmSequence',
  forward: ({ x, kernel, recurrentKernel, bias, initialHidden, initialCell }) => {
    const steps = { h: [], c: [], i: [], f: [], g: [], o: [], tanhC: [] } as Record<string, tf.Tensor[]>;
    let h = initialHidden;
    let c = initialCell;
    for (const projected of projectInputs(x, kernel, bias)) {
      const gates = tf.add(tf.matMul(h, recurrentKernel), projected); // [batch, 4·hidden]
      const [preI, preF, preG, preO] = tf.split(gates, 4, 1);
      const [i, f, g, o] = [tf.sigmoid(preI!), tf.sigmoid(preF!), tf.tanh(preG!), tf.sigmoid(preO!)];
      c = tf.add(tf.mul(f, c), tf.mul(i, g));
      const tanhC = tf.tanh(c);
      h = tf.mul(o, tanhC);
      for (const [name, value] of Object.entries({ h, c, i, f, g, o, tanhC })) steps[name]!.push(value);
    }
    const { i, f, g, o, c: cells, tanhC } = steps;
    const reserve = [i!, f!, g!, o!, cells!, tanhC!].map((values) => tf.clone(joinSteps(values)));
    return [stackSteps(steps.h!), tf.clone(h), tf.clone(c), ...reserve];
  },
  saves: { inputs: ['x', 'kernel', 'recurrentKernel', 'initialHidden', 'initialCell'], outputs: savedOutputs },
  gradient: ([dOutputs, dLastHidden, dLastCell], saved) => {
    const [x, kernel, recurrentKernel, initialHidden, initialCell, outputs, i, f, g, o, cells, tanhC] = saved;
    const time = x!.shape[0]!;
    const previousCells = previousStates(initialCell!, cells!);
    const toSteps = (rows: tf.Tensor) => splitSteps(rows, time);
    const cellFactor = toSteps(tf.mul(o!, tanhDerivative(tanhC!)));
    const gateFactors = [
      tf.mul(g!, sigmoidDerivative(i!)),
      tf.mul(previousCells, sigmoidDerivative(f!)),
      tf.mul(i!, tanhDerivative(g!)),
      tf.mul(tanhC!, sigmoidDerivative(o!)),
    ];
    const gateFactor = toSteps(tf.concat(gateFactors, 1)); // each [batch, 4·hidden]
    const forget = toSteps(f!);
    const dOutputSteps = toSteps(flattenSteps(dOutputs!));
    const dGates: tf.Tensor[] = [];
    let dHidden = dLastHidden!;
    let dCell = dLastCell!;
    for (let t = time - 1; t >= 0; t--) {
      const dh = tf.add(dHidden, dOutputSteps[t]!);
      const dc = tf.add(dCell, tf.mul(dh, cellFactor[t]!));
      const dGate = tf.mul(tf.concat([dc, dc, dc, dh], 1), gateFactor[t]!);
      dGates.unshift(dGate);
      dHidden = tf.matMul(dGate, recurrentKernel!, false, true);
      dCell = tf.mul(dc, forget[t]!);
    }
    const dRows = joinSteps(dGates); // [time·batch, 4·hidden]
    return {
      ...inputProjectionGradients(x!, kernel!, dRows),
      recurrentKernel: () => tf.matMul(previousStates(initialHidden!, flattenSteps(outputs!)), dRows, true, false),
      initialHidden: () => tf.clone(dHidden),
      initialCell: () => tf.clone(dCell),
    };
  },
});

/**
 * Runs an LSTM over a sequence.
 * @returns `outputs` [time, batch, hidden], every hidden state, and the last `hidden` and `cell`, each [batch, hidden]
 */
export function lstmSequence(inputs: LstmSequenceInputs): {
  outputs: tf.Tensor3D;
  hidden: tf.Tensor2D;
  cell: tf.Tensor2D;
} {
  const [outputs, hidden, cell, ...reserve] = kernel({ ...inputs }, {});
  // If gradients are recorded, the tape holds clones of the tensors that it needs.
  for (const tensor of reserve) tensor.dispose();
  return { outputs: outputs as tf.Tensor3D, hidden: hidden as tf.Tensor2D, cell: cell as tf.Tensor2D };
}
