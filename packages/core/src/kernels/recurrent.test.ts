import { describe, test } from 'vitest';
import { backends, type Differentiable } from '../testing/backends.js';
import type { Values } from '../testing/onnx-runtime.js';
import {
  expectClose,
  finiteDifferences,
  type Naive,
  perSequence,
  rows,
  spread,
  spreadInputs,
} from '../testing/textbook.js';
import { naiveGru } from './gru/naive.js';
import { gruSequence } from './gru/sequence.js';
import { naiveLstm } from './lstm/naive.js';
import { lstmSequence } from './lstm/sequence.js';
import type { Matrix } from './naive-linear-algebra.js';
import { naiveRnn } from './rnn/naive.js';
import { rnnSequence } from './rnn/sequence.js';

interface Case {
  readonly name: string;
  readonly gates: number;
  readonly extraInputs: (hidden: number, batch: number) => Record<string, number[]>;
  readonly fn: Differentiable['fn'];
  readonly naive: Naive;
}

const matrices = (inputs: Readonly<Record<string, Values>>) => ({
  kernel: rows(inputs.kernel!) as Matrix,
  recurrentKernel: rows(inputs.recurrentKernel!) as Matrix,
  bias: inputs.bias!.values,
});

const rnnCase = (activation: 'tanh' | 'relu'): Case => ({
  name: `RnnSequence ${activation}`,
  gates: 1,
  extraInputs: () => ({}),
  fn: ({ x, kernel, recurrentKernel, bias, initialHidden }) => {
    const { outputs, hidden } = rnnSequence(
      { x: x!, kernel: kernel!, recurrentKernel: recurrentKernel!, bias: bias!, initialHidden: initialHidden! },
      activation,
    );
    return [outputs, hidden];
  },
  naive: (inputs) =>
    perSequence(inputs.x!, (xs, b) => {
      const outputs = naiveRnn({ ...matrices(inputs), activation }, xs, rows(inputs.initialHidden!)[b]!);
      return { outputs, states: [outputs.at(-1)!] };
    }),
});

const lstmCase: Case = {
  name: 'LstmSequence',
  gates: 4,
  extraInputs: (hidden, batch) => ({ initialCell: [batch, hidden] }),
  fn: ({ x, kernel, recurrentKernel, bias, initialHidden, initialCell }) => {
    const { outputs, hidden, cell } = lstmSequence({
      x: x!,
      kernel: kernel!,
      recurrentKernel: recurrentKernel!,
      bias: bias!,
      initialHidden: initialHidden!,
      initialCell: initialCell!,
    });
    return [outputs, hidden, cell];
  },
  naive: (inputs) =>
    perSequence(inputs.x!, (xs, b) => {
      const h0 = rows(inputs.initialHidden!)[b]!;
      const { outputs, cell } = naiveLstm(matrices(inputs), xs, h0, rows(inputs.initialCell!)[b]!);
      return { outputs, states: [outputs.at(-1)!, cell] };
    }),
};

const gruCase = (reset: 'before' | 'after'): Case => ({
  name: `GruSequence, reset ${reset}`,
  gates: 3,
  extraInputs: (hidden) => (reset === 'after' ? { recurrentBias: [3 * hidden] } : {}),
  fn: ({ x, kernel, recurrentKernel, bias, recurrentBias, initialHidden }) => {
    const { outputs, hidden } = gruSequence({
      x: x!,
      kernel: kernel!,
      recurrentKernel: recurrentKernel!,
      bias: bias!,
      initialHidden: initialHidden!,
      ...(recurrentBias ? { recurrentBias } : {}),
    });
    return [outputs, hidden];
  },
  naive: (inputs) =>
    perSequence(inputs.x!, (xs, b) => {
      const recurrentBias = inputs.recurrentBias ? { recurrentBias: inputs.recurrentBias.values } : {};
      const outputs = naiveGru({ ...matrices(inputs), ...recurrentBias }, xs, rows(inputs.initialHidden!)[b]!);
      return { outputs, states: [outputs.at(-1)!] };
    }),
});

const shapes = [
  { time: 1, batch: 1, input: 2, hidden: 3 },
  { time: 5, batch: 3, input: 4, hidden: 2 },
];

function task(
  { gates, extraInputs, fn, naive }: Case,
  { time, batch, input, hidden }: (typeof shapes)[number],
): Differentiable {
  const inputShapes: Record<string, number[]> = {
    x: [time, batch, input],
    kernel: [input, gates * hidden],
    recurrentKernel: [hidden, gates * hidden],
    bias: [gates * hidden],
    initialHidden: [batch, hidden],
    ...extraInputs(hidden, batch),
  };
  const inputs = spreadInputs(inputShapes);
  const weights = naive(inputs).map((output, k) => spread(output.length, 100 + k).map(Math.fround));
  return { fn, inputs, parameters: Object.keys(inputs), weights };
}

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  describe.each([rnnCase('tanh'), rnnCase('relu'), lstmCase, gruCase('before'), gruCase('after')])('$name', (unit) => {
    test.each(shapes)(
      'T$time B$batch I$input H$hidden: outputs are the textbook loop’s, gradients its finite differences',
      async (shape) => {
        const differentiable = task(unit, shape);
        const { outputs, gradients } = await evaluate(differentiable);
        unit.naive(differentiable.inputs).forEach((expected, k) => {
          expectClose(outputs[k]!, expected, 1e-5);
        });
        const expected = finiteDifferences(unit.naive, differentiable);
        for (const name of differentiable.parameters) expectClose(gradients[name]!, expected[name]!, 2e-5);
      },
    );
  });
});
