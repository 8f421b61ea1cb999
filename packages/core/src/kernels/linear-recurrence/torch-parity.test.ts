import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { backends } from '../../testing/backends.js';
import { makeGolden, torchMissing } from '../../testing/golden.js';
import type { Values } from '../../testing/onnx-runtime.js';
import { expectClose } from '../../testing/textbook.js';
import { minGruSequence } from './min-gru.js';
import { minLstmSequence } from './min-lstm.js';

interface GoldenCase {
  readonly unit: 'mingru' | 'minlstm';
  readonly inputs: Readonly<Record<string, Values>>;
  /** Weights of the outputs in the sum that was differentiated. */
  readonly weights: Values;
  readonly outputs: Values;
  readonly gradients: Readonly<Record<string, Values>>;
}

const committed = fileURLToPath(new URL('../../testing/golden', import.meta.url));

function readCases(folder = committed): GoldenCase[] {
  const lines = readFileSync(join(folder, 'minimal-units.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.slice(1).map((line) => JSON.parse(line) as GoldenCase);
}

const sequences = { mingru: minGruSequence, minlstm: minLstmSequence };

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  test.each(readCases().map((golden) => [golden.unit, golden.outputs.shape, golden] as const))(
    'a %s over %j has PyTorch’s outputs and gradients',
    async (unit, _, { inputs, weights, outputs: expected, gradients: expectedGradients }) => {
      const { outputs, gradients } = await evaluate({
        fn: ({ x, kernel, bias, initialHidden }) => {
          const tensors = { x: x!, kernel: kernel!, bias: bias!, initialHidden: initialHidden! };
          return [sequences[unit](tensors).outputs];
        },
        inputs,
        parameters: Object.keys(inputs),
        weights: [weights.values],
      });
      expectClose(outputs[0]!, expected.values, 1e-5);
      for (const [name, { values }] of Object.entries(expectedGradients)) expectClose(gradients[name]!, values, 2e-5);
    },
  );
});

test.skipIf(torchMissing)(
  `PyTorch makes the golden vectors of the minimal units again (${torchMissing ?? 'it is here'})`,
  ({ onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'unroll-golden-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    makeGolden(folder, 'make_minimal.py');
    for (const [k, { outputs, gradients }] of readCases(folder).entries()) {
      const golden = readCases()[k]!;
      expectClose(outputs.values, golden.outputs.values, 2e-6);
      for (const [name, { values }] of Object.entries(gradients)) {
        expectClose(values, golden.gradients[name]!.values, 2e-6);
      }
    }
    expect(readCases(folder)).toHaveLength(readCases().length);
  },
);
