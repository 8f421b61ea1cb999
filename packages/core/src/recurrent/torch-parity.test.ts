import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { backends } from '../testing/backends.js';
import {
  type GoldenCase,
  type GoldenFile,
  goldenKinds,
  makeGolden,
  readGolden,
  torchMissing,
} from '../testing/golden.js';
import type { Values } from '../testing/onnx-runtime.js';
import { expectClose } from '../testing/textbook.js';
import { recurrentNetwork } from './network.js';
import {
  layerDirections,
  type RecurrentNetworkConfig,
  recurrentNetworkConfig,
  recurrentParameterShapes,
  recurrentStateShapes,
} from './network-config.js';
import { recurrentParametersFromTorch } from './torch-parameters.js';

const kindOptions = {
  'rnn-tanh': { cell: 'rnn' },
  'rnn-relu': { cell: 'rnn', nonlinearity: 'relu' },
  lstm: { cell: 'lstm' },
  'lstm-projection': { cell: 'lstm', projectionDim: 2 },
  gru: { cell: 'gru' },
} as const;

/** PyTorch's parameters, or their gradients, by our names. */
function parametersOf(config: RecurrentNetworkConfig, tensors: Readonly<Record<string, Values>>) {
  const shapes = recurrentParameterShapes(config);
  return Object.fromEntries(
    Object.entries(recurrentParametersFromTorch(config, tensors)).map(([name, values]) => [
      name,
      { shape: shapes[name]!, values: [...values] },
    ]),
  );
}

/** Where two biases became one, its gradient is that of either of them, not their sum. */
const withoutRecurrentBiases = (config: RecurrentNetworkConfig, gradients: Readonly<Record<string, Values>>) =>
  config.cell === 'gru'
    ? gradients
    : Object.fromEntries(
        Object.entries(gradients).map(([name, { shape, values }]) => [
          name,
          { shape, values: name.startsWith('bias_hh') ? values.map(() => 0) : values },
        ]),
      );

/** PyTorch's h and c of all layers and directions, or their gradients, by our names. */
function statesOf(config: RecurrentNetworkConfig, stacked: readonly Values[]): Record<string, Values> {
  const directions = layerDirections(config);
  return Object.fromEntries(
    stacked.flatMap(({ shape: [, ...shape], values }, k) =>
      directions.map((direction, index) => {
        const size = values.length / directions.length;
        return [`${'hc'[k]}.${direction}`, { shape, values: values.slice(index * size, (index + 1) * size) }];
      }),
    ),
  );
}

const title = ({ layers, bidirectional, lengths, states }: GoldenCase) =>
  [
    `${layers} layer(s), ${bidirectional ? 'both directions' : 'one direction'}`,
    `${lengths ? 'unequal' : 'equal'} lengths, from ${states.length > 0 ? 'given states' : 'zeros'}`,
  ].join(', ');

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  describe.each(goldenKinds)('%s', (kind) => {
    const { inputDim, hiddenDim, cases } = readGolden(kind);
    test.each(cases.map((golden) => [title(golden), golden] as const))(
      'of %s has PyTorch’s outputs, last states and gradients',
      async (_, golden) => {
        const { layers, bidirectional, lengths } = golden;
        const config = recurrentNetworkConfig({ ...kindOptions[kind], inputDim, hiddenDim, layers, bidirectional });
        const stateNames = Object.keys(recurrentStateShapes(config, 1));
        const parameters = parametersOf(config, golden.parameters);
        const states = statesOf(config, golden.states);
        const differentiable = { x: golden.x, ...parameters, ...states };
        const expectedStates = statesOf(config, golden.outputs.slice(1));
        const stateWeights = statesOf(config, golden.weights.slice(1));
        const { outputs, gradients } = await evaluate({
          fn: ({ x, lengths: sequenceLengths, ...tensors }) => {
            const pick = (names: object) =>
              Object.fromEntries(Object.keys(names).map((name) => [name, tensors[name] as tf.Tensor]));
            const result = recurrentNetwork(config, pick(parameters), x!, {
              ...(golden.states.length > 0 && { state: pick(states) }),
              ...(sequenceLengths && { lengths: sequenceLengths }),
            });
            return [result.outputs, ...stateNames.map((name) => result.state[name]!)];
          },
          inputs: {
            ...differentiable,
            ...(lengths && { lengths: { shape: [lengths.length], values: [...lengths], dtype: 'int32' } }),
          },
          parameters: Object.keys(differentiable),
          weights: [golden.weights[0]!.values, ...stateNames.map((name) => stateWeights[name]!.values)],
        });

        const expected = [golden.outputs[0]!, ...stateNames.map((name) => expectedStates[name]!)];
        expected.forEach(({ values }, k) => {
          expectClose(outputs[k]!, values, 1e-5);
        });
        const expectedGradients = {
          x: golden.gradients.x,
          ...parametersOf(config, withoutRecurrentBiases(config, golden.gradients.parameters)),
          ...statesOf(config, golden.gradients.states),
        };
        expect(Object.keys(gradients).sort()).toEqual(Object.keys(expectedGradients).sort());
        for (const [name, { values }] of Object.entries(expectedGradients)) {
          expectClose(gradients[name]!, values, 1e-4);
        }
      },
    );
  });
});

test.skipIf(torchMissing)('PyTorch makes the same golden vectors again', ({ onTestFinished }) => {
  const folder = mkdtempSync(join(tmpdir(), 'golden-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  makeGolden(folder);
  for (const kind of goldenKinds) {
    expectSameNumbers(readGolden(kind, folder), readGolden(kind));
  }
});

/** The same structure with the same numbers, but for the last of six digits, in which machines may differ. */
function expectSameNumbers(made: GoldenFile, committed: GoldenFile): void {
  const close = (value: unknown, reference: unknown, path: string): void => {
    if (typeof value === 'number' && typeof reference === 'number') {
      expect(Math.abs(value - reference), path).toBeLessThan(2e-5 * Math.max(1, Math.abs(reference)));
    } else if (value && reference && typeof value === 'object' && typeof reference === 'object') {
      expect(Object.keys(value), path).toEqual(Object.keys(reference));
      for (const [key, each] of Object.entries(value)) {
        close(each, (reference as Record<string, unknown>)[key], `${path}.${key}`);
      }
    } else {
      expect(value, path).toEqual(reference);
    }
  };
  close(made, committed, 'golden');
}
