/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000), with these
 * extensions in any combination:
 *
 * - peepholes P (Gers and Schmidhuber 2000): the gates see the cell state; i and f the previous one, o the new one;
 * - coupled gates (CIFG in Greff et al. 2017, arXiv:1503.04069): f = 1 − i, without weights of its own;
 * - a projection R of the output (Sak et al. 2014, arXiv:1402.1128), which then enters the recurrent product;
 * - clipping of the cell state and of the projected output, each to ±its limit (TensorFlow's LSTMCell).
 *
 *   [i f g o] = [σ σ φ σ](x_t·W + h_(t−1)·U + b + [P_i∘c_(t−1)  P_f∘c_(t−1)  0  P_o∘c_t])
 *   c_t = clip(f∘c_(t−1) + i∘g)    m_t = o∘φ(c_t)    h_t = clip(m_t·R)
 *
 * Backward, with dm = dh·Rᵀ, all factors except dm and dc are known beforehand, including those of peepholes. No
 * gradient passes through a value that was clipped:
 *
 *   dc += dm∘(o∘φ'(c_t) + P_o∘φ(c_t)∘σ'(o))    dc_(t−1) = dc∘(f + P_i∘di/dc + P_f∘df/dc)
 */
import * as tf from '@tensorflow/tfjs-core';
import { splitSteps } from '../time-steps.js';
import { type ActivationName, activations } from './activations.js';
import type { BackwardRows, CellStep, CellWeights, ForwardRows, RecurrentCell } from './cell.js';

export interface LstmCellOptions {
  /** Whether the forget gate is f = 1 − i; default false. */
  readonly coupledGates?: boolean;
  /** The activation φ; default tanh. */
  readonly activation?: ActivationName;
  /** The activation σ of the gates; default sigmoid. */
  readonly recurrentActivation?: ActivationName;
  /** The limit of the cell state's absolute value; default none. */
  readonly cellClip?: number | undefined;
  /** The limit of the output's absolute value after its projection; default none. */
  readonly projectionClip?: number | undefined;
}

/**
 * Creates an LSTM cell. Weights, gates i, f, g, o, or i, g, o if coupled: `kernel` [input, 4·hidden], `recurrentKernel`
 * [output, 4·hidden], `bias` [4·hidden]. Optional: `peepholes` [3, hidden], rows i, f, o (or i, o), and `projection`
 * [hidden, output]. States: h [batch, output] and c [batch, hidden]; output = hidden without a projection.
 */
export function lstmCell(options: LstmCellOptions = {}): RecurrentCell {
  const { coupledGates = false, activation = 'tanh', recurrentActivation = 'sigmoid' } = options;
  const { cellClip, projectionClip } = options;
  const phi = activations[activation];
  const sigma = activations[recurrentActivation];

  const peepholesOf = ({ peepholes }: CellWeights): Peepholes | undefined => {
    if (!peepholes) return undefined;
    const rows = tf.split(peepholes, coupledGates ? 2 : 3, 0);
    return { i: rows[0]!, f: coupledGates ? undefined : rows[1]!, o: rows.at(-1)! };
  };

  function forward(weights: CellWeights) {
    const peep = peepholesOf(weights);
    return (step: CellStep) => forwardStep(step, weights, peep);
  }

  function forwardStep({ projected, recurrent, states }: CellStep, weights: CellWeights, peep: Peepholes | undefined) {
    const previous = states[1]!;
    const gate = (pre: tf.Tensor, weight: tf.Tensor | undefined, cell: tf.Tensor) =>
      sigma.apply(weight ? tf.add(pre, tf.mul(weight, cell)) : pre);
    const gates = tf.split(tf.add(tf.matMul(recurrent, weights.recurrentKernel!), projected), coupledGates ? 3 : 4, 1);
    const [preG, preO] = gates.slice(-2);
    const i = gate(gates[0]!, peep?.i, previous);
    const f = coupledGates ? tf.sub(1, i) : gate(gates[1]!, peep?.f, previous);
    const g = phi.apply(preG!);
    // With coupled gates this form is equivalent, saves an operation and does not need 1 − i.
    const unclipped = coupledGates
      ? tf.add(previous, tf.mul(i, tf.sub(g, previous)))
      : tf.add(tf.mul(f, previous), tf.mul(i, g));
    const cell = clipped(unclipped, cellClip);
    const o = gate(preO!, peep?.o, cell);
    const activated = phi.apply(cell);
    const output = tf.mul(o, activated);
    const hidden = weights.projection ? clipped(tf.matMul(output, weights.projection), projectionClip) : output;
    return { states: [hidden, cell], reserve: [i, f, g, o, activated] };
  }

  function backward({ time, weights, recurrent, previousStates, states, reserve }: ForwardRows) {
    const [i, f, g, o, activated] = reserve;
    const previous = previousStates[1]!;
    const peep = peepholesOf(weights);
    const { recurrentKernel, projection } = weights;
    const iFactor = tf.mul(coupledGates ? tf.sub(g!, previous) : g!, sigma.derivative(i!));
    const fFactor = coupledGates ? undefined : tf.mul(previous, sigma.derivative(f!));
    const gFactor = tf.mul(i!, phi.derivative(g!));
    const oFactor = tf.mul(activated!, sigma.derivative(o!));
    const through = (factor: tf.Tensor | undefined, weight: tf.Tensor | undefined, rest: tf.Tensor) =>
      factor && weight ? tf.add(rest, tf.mul(factor, weight)) : rest;
    const carry = through(fFactor, peep?.f, through(iFactor, peep?.i, f!));
    const carrySteps = splitSteps(carry, time);
    const cellSteps = splitSteps(through(oFactor, peep?.o, tf.mul(o!, phi.derivative(activated!))), time);
    const cellGates = [iFactor, ...(fFactor ? [fFactor] : []), gFactor];
    const gateSteps = splitSteps(tf.concat([...cellGates, oFactor], 1), time);
    const hiddenWithin = projection && within(states[0]!, projectionClip);
    const hiddenWithinSteps = hiddenWithin && splitSteps(hiddenWithin, time);
    const cellWithin = within(states[1]!, cellClip);
    const cellWithinSteps = cellWithin && splitSteps(cellWithin, time);
    return {
      step: (t: number, [dHidden, dAfter]: readonly tf.Tensor[]) => {
        const dProjected = masked(dHidden!, hiddenWithinSteps?.[t]);
        const dOutput = projection ? tf.matMul(dProjected, projection, false, true) : dProjected;
        const dCell = masked(tf.add(dAfter!, tf.mul(dOutput, cellSteps[t]!)), cellWithinSteps?.[t]);
        const gates = tf.mul(tf.concat([...cellGates.map(() => dCell), dOutput], 1), gateSteps[t]!);
        const dRecurrent = tf.matMul(gates, recurrentKernel!, false, true);
        return { gates, recurrent: dRecurrent, states: [undefined, tf.mul(dCell, carrySteps[t]!)] };
      },
      rows: ({ gates, outputs }: BackwardRows) => {
        const projected = gates();
        return {
          projected,
          weights: {
            recurrentKernel: () => tf.matMul(recurrent, projected, true, false),
            ...(projection && {
              projection: () => tf.matMul(tf.mul(o!, activated!), masked(outputs(), hiddenWithin), true, false),
            }),
            ...(peep && { peepholes: () => peepholeGradients(projected, previous, states[1]!) }),
          },
        };
      },
    };
  }

  /** Multiplies each gate's gradient by the cell state that the gate sees, and sums over all rows. */
  function peepholeGradients(projected: tf.Tensor, previous: tf.Tensor, cell: tf.Tensor): tf.Tensor {
    const gates = tf.split(projected, coupledGates ? 3 : 4, 1);
    const seen = [...gates.slice(0, -2).map((gradient) => tf.mul(gradient, previous)), tf.mul(gates.at(-1)!, cell)];
    return tf.stack(seen.map((rows) => tf.sum(rows, 0)));
  }

  return {
    name: `LstmCell ${coupledGates ? 'coupled ' : ''}${activation} ${recurrentActivation}${limits(options)}`,
    ...(!coupledGates &&
      limits(options) === '' && {
        operator: { opType: 'LSTM', activations: [recurrentActivation, activation, activation], gates: [0, 3, 1, 2] },
      }),
    sizes: { states: 2, reserve: 5 },
    forward,
    backward,
  };
}

/** Peepholes by gate, each [1, hidden]. */
interface Peepholes {
  readonly i: tf.Tensor;
  /** Undefined with coupled gates. */
  readonly f: tf.Tensor | undefined;
  readonly o: tf.Tensor;
}

/** The limits as part of a cell's name; empty if it clips nothing. */
function limits({ cellClip, projectionClip }: LstmCellOptions): string {
  return [
    ...(cellClip === undefined ? [] : [` cell ±${cellClip}`]),
    ...(projectionClip === undefined ? [] : [` projection ±${projectionClip}`]),
  ].join('');
}

function clipped(x: tf.Tensor, limit: number | undefined): tf.Tensor {
  return limit === undefined ? x : tf.clipByValue(x, -limit, limit);
}

/** Ones where a clipped value is within the limit, zeros where it was clipped; undefined without a limit. */
function within(x: tf.Tensor, limit: number | undefined): tf.Tensor | undefined {
  return limit === undefined ? undefined : tf.cast(tf.less(tf.abs(x), limit), 'float32');
}

function masked(x: tf.Tensor, mask: tf.Tensor | undefined): tf.Tensor {
  return mask ? tf.mul(x, mask) : x;
}
