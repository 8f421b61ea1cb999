import * as tf from '@tensorflow/tfjs-core';
import { describe, test } from 'vitest';
import { backends, type Differentiable } from '../../testing/backends.js';
import type { Values } from '../../testing/onnx-runtime.js';
import {
  expectClose,
  finiteDifferences,
  type Naive,
  perSequence,
  rows,
  spread,
  spreadInputs,
} from '../../testing/textbook.js';
import type { Vector } from '../naive-linear-algebra.js';
import type { RecurrentCell } from './cell.js';
import { gruCell } from './gru-cell.js';
import { type LstmCellOptions, lstmCell } from './lstm-cell.js';
import { naiveGru } from './naive-gru.js';
import { naiveLstm } from './naive-lstm.js';
import { naiveRnn } from './naive-rnn.js';
import { rnnCell } from './rnn-cell.js';
import { cellSequence } from './sequence.js';

const [time, batch, input, hidden, projected] = [4, 3, 2, 3, 2];
const hiddenState = { 'state.0': [batch, hidden] };
const cellState = { 'state.1': [batch, hidden] };
const weightShapes = (gates: number, output = hidden) => ({
  kernel: [input, gates * hidden],
  recurrentKernel: [output, gates * hidden],
  bias: [gates * hidden],
});

interface Case {
  readonly name: string;
  readonly cell: RecurrentCell;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Every output of one sequence, and the states after its last step. */
  readonly naive: (
    inputs: Readonly<Record<string, Values>>,
    xs: Vector[],
    states: Vector[],
  ) => { outputs: Vector[]; states: Vector[] };
}

const matrices = (inputs: Readonly<Record<string, Values>>) => ({
  kernel: rows(inputs.kernel!),
  recurrentKernel: rows(inputs.recurrentKernel!),
  bias: inputs.bias!.values,
});

const rnnCase = (activation: 'tanh' | 'relu'): Case => ({
  name: `RNN, ${activation}`,
  cell: rnnCell(activation),
  shapes: { ...weightShapes(1), ...hiddenState },
  naive: (inputs, xs, [h]) => {
    const outputs = naiveRnn({ ...matrices(inputs), activation }, xs, h!);
    return { outputs, states: [outputs.at(-1) ?? h!] };
  },
});

const gruCase = (resetAfter: boolean): Case => ({
  name: `GRU, reset ${resetAfter ? 'after' : 'before'}`,
  cell: gruCell({ resetAfter }),
  shapes: { ...weightShapes(3), ...(resetAfter ? { recurrentBias: [3 * hidden] } : {}), ...hiddenState },
  naive: (inputs, xs, [h]) => {
    const recurrentBias = inputs.recurrentBias ? { recurrentBias: inputs.recurrentBias.values } : {};
    const outputs = naiveGru({ ...matrices(inputs), ...recurrentBias }, xs, h!);
    return { outputs, states: [outputs.at(-1) ?? h!] };
  },
});

const lstmCase = (
  name: string,
  coupledGates: boolean,
  extra: Case['shapes'] = {},
  clips: Pick<LstmCellOptions, 'cellClip' | 'projectionClip'> = {},
): Case => {
  const output = extra.projection ? projected : hidden;
  const states = { 'state.0': [batch, output], ...cellState };
  return {
    name: `LSTM, ${name}`,
    cell: lstmCell({ coupledGates, ...clips }),
    shapes: { ...weightShapes(coupledGates ? 3 : 4, output), ...extra, ...states },
    naive: (inputs, xs, [h, c]) => {
      const optional = (key: 'peepholes' | 'projection') => (inputs[key] ? { [key]: rows(inputs[key]) } : {});
      const unit = { ...matrices(inputs), coupledGates, ...clips, ...optional('peepholes'), ...optional('projection') };
      const { outputs, cell } = naiveLstm(unit, xs, h!, c!);
      return { outputs, states: [outputs.at(-1) ?? h!, cell] };
    },
  };
};

const cases = [
  rnnCase('tanh'),
  rnnCase('relu'),
  gruCase(false),
  gruCase(true),
  lstmCase('plain', false),
  lstmCase('coupled gates', true),
  lstmCase('peepholes', false, { peepholes: [3, hidden] }),
  lstmCase('projection', false, { projection: [hidden, projected] }),
  lstmCase('coupled gates, peepholes and projection', true, {
    peepholes: [2, hidden],
    projection: [hidden, projected],
  }),
  lstmCase(
    'peepholes and projection, both clipped',
    false,
    { peepholes: [3, hidden], projection: [hidden, projected] },
    { cellClip: 0.4, projectionClip: 0.11 },
  ),
];

/** [time][batch]: one sequence is complete, one starts late, one has a gap and ends early. */
const mask = [
  [1, 0, 1],
  [1, 0, 0],
  [1, 1, 1],
  [1, 1, 0],
];

/** Textbook masking: a sequence without its masked steps, each of which repeats the output before it. */
function naiveOf({ naive }: Case, keep: readonly (readonly number[])[]): Naive {
  return (inputs) =>
    perSequence(inputs.x!, (xs, b) => {
      const initial = Object.keys(inputs)
        .filter((name) => name.startsWith('state.'))
        .map((name) => rows(inputs[name]!)[b]!);
      const result = naive(
        inputs,
        xs.filter((_, t) => keep[t]![b]),
        initial,
      );
      let last: Vector = initial[0]!;
      let next = 0;
      const outputs = keep.map((step) => {
        if (step[b]) last = result.outputs[next++]!;
        return last;
      });
      return { outputs, states: result.states };
    });
}

function task(unit: Case, masked: boolean, steps = time): { differentiable: Differentiable; naive: Naive } {
  const inputs = spreadInputs({ x: [steps, batch, input], ...unit.shapes });
  const keep = mask.slice(0, steps);
  const naive = naiveOf(unit, masked ? keep : keep.map((step) => step.map(() => 1)));
  const fn: Differentiable['fn'] = ({ x, mask, 'state.0': h, 'state.1': c, ...weights }) => {
    const { outputs, states } = cellSequence(unit.cell, { x: x!, weights, initialStates: c ? [h!, c] : [h!], mask });
    return [outputs, ...states];
  };
  const weights = naive(inputs).map((output, k) => spread(output.length, 100 + k).map(Math.fround));
  const maskInput = { mask: { shape: [steps, batch], values: keep.flat() } };
  return {
    differentiable: {
      ...{ fn, parameters: Object.keys(inputs), weights },
      inputs: masked ? { ...inputs, ...maskInput } : inputs,
    },
    naive,
  };
}

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  const lengths = [
    { steps: time, masked: false },
    { steps: time, masked: true },
    { steps: 1, masked: false },
  ];
  test.each(cases.flatMap((unit) => lengths.map((length) => ({ name: unit.name, unit, ...length }))))(
    '$name over $steps steps, masked: $masked, has the textbook loop’s outputs, and its finite differences as gradients',
    async ({ unit, steps, masked }) => {
      const { differentiable, naive } = task(unit, masked, steps);
      const { outputs, gradients } = await evaluate(differentiable);
      naive(differentiable.inputs).forEach((expected, k) => {
        expectClose(outputs[k]!, expected, 1e-5);
      });
      const expected = finiteDifferences(naive, differentiable);
      for (const name of differentiable.parameters) expectClose(gradients[name]!, expected[name]!, 2e-5);
    },
  );
});

test.each(cases)(
  '$name with recurrent dropout equals one with a recurrent kernel whose rows are scaled',
  async (unit) => {
    const kept = [2, 0, 0.5].slice(0, unit.shapes['state.0']![1]!);
    const { differentiable } = task(unit, true);
    const run = (dropout: boolean) =>
      backends['TensorFlow.js cpu']!({
        ...differentiable,
        fn: ({ x, mask, 'state.0': h, 'state.1': c, recurrentKernel, ...weights }) => {
          const scaled = dropout ? recurrentKernel! : tf.mul(recurrentKernel!, tf.tensor2d(kept, [kept.length, 1]));
          const { outputs, states } = cellSequence(unit.cell, {
            x: x!,
            weights: { ...weights, recurrentKernel: scaled },
            initialStates: c ? [h!, c] : [h!],
            mask,
            recurrentDropout: dropout ? tf.tile(tf.tensor2d([kept]), [batch, 1]) : undefined,
          });
          return [outputs, ...states];
        },
      });
    const [actual, expected] = [await run(true), await run(false)];
    actual.outputs.forEach((output, k) => {
      expectClose(output, expected.outputs[k]!, 1e-6);
    });
    for (const name of differentiable.parameters) {
      expectClose(actual.gradients[name]!, expected.gradients[name]!, 1e-5);
    }
  },
);
