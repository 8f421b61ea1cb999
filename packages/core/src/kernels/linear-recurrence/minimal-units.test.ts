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
import { minGruSequence } from './min-gru.js';
import { minLstmSequence } from './min-lstm.js';
import { naiveMinGru } from './naive-min-gru.js';
import { naiveMinLstm } from './naive-min-lstm.js';

const units = [
  { name: 'MinGruSequence', gates: 2, sequence: minGruSequence, loop: naiveMinGru },
  { name: 'MinLstmSequence', gates: 3, sequence: minLstmSequence, loop: naiveMinLstm },
];

const shapes = [
  { time: 1, batch: 1, input: 2, hidden: 3 },
  { time: 5, batch: 3, input: 4, hidden: 2 },
  { time: 12, batch: 2, input: 3, hidden: 2 },
];

function task(
  { gates, sequence, loop }: (typeof units)[number],
  { time, batch, input, hidden }: (typeof shapes)[number],
  mask?: Values,
): { differentiable: Differentiable; naive: Naive } {
  const inputs = spreadInputs({
    x: [time, batch, input],
    kernel: [input, gates * hidden],
    bias: [gates * hidden],
    initialHidden: [batch, hidden],
  });
  const naive: Naive = ({ x, kernel, bias, initialHidden }) =>
    perSequence(x!, (xs, b) => {
      const unit = { kernel: rows(kernel!), bias: bias!.values };
      const outputs = loop(unit, xs, rows(initialHidden!)[b]!, mask && rows(mask).map((step) => step[b]!));
      return { outputs, states: [outputs.at(-1)!] };
    });
  const fn: Differentiable['fn'] = ({ x, kernel, bias, initialHidden, mask: steps }) => {
    const tensors = { x: x!, kernel: kernel!, bias: bias!, initialHidden: initialHidden! };
    const result = sequence(steps ? { ...tensors, mask: steps } : tensors);
    return [result.outputs, result.hidden];
  };
  const weights = naive(inputs).map((output, k) => spread(output.length, 100 + k).map(Math.fround));
  const differentiable = { fn, inputs: { ...inputs, ...(mask && { mask }) }, parameters: Object.keys(inputs), weights };
  return { differentiable, naive };
}

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  describe.each(units)('$name', (unit) => {
    const check = async ({ differentiable, naive }: ReturnType<typeof task>) => {
      const { outputs, gradients } = await evaluate(differentiable);
      naive(differentiable.inputs).forEach((expected, k) => {
        expectClose(outputs[k]!, expected, 1e-5);
      });
      const expected = finiteDifferences(naive, differentiable);
      for (const name of differentiable.parameters) expectClose(gradients[name]!, expected[name]!, 2e-5);
    };

    test.each(shapes)(
      'T$time B$batch I$input H$hidden: outputs are the textbook loop’s, gradients its finite differences',
      (shape) => check(task(unit, shape)),
    );

    test('a masked step leaves the state unchanged and has no gradient', () =>
      check(task(unit, shapes[1]!, { shape: [5, 3], values: [1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0] })));
  });
});
