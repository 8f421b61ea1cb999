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
import { goldenNetwork } from '../testing/golden-network.js';
import { expectClose } from '../testing/textbook.js';
import { recurrentNetwork } from './network.js';

const title = ({ layers, bidirectional, lengths, states }: GoldenCase) =>
  [
    `${layers} layer(s), ${bidirectional ? 'both directions' : 'one direction'}`,
    `${lengths ? 'unequal' : 'equal'} lengths, from ${states.length > 0 ? 'given states' : 'zeros'}`,
  ].join(', ');

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  describe.each(goldenKinds)('%s', (kind) => {
    const file = readGolden(kind);
    test.each(file.cases.map((golden) => [title(golden), golden] as const))(
      'of %s has PyTorch’s outputs, last states and gradients',
      async (_, golden) => {
        const { x, lengths } = golden;
        const { config, stateNames, ...network } = goldenNetwork(kind, file, golden);
        const { parameters, states } = network;
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
            ...{ x, ...parameters, ...states },
            ...(lengths && { lengths: { shape: [lengths.length], values: [...lengths], dtype: 'int32' } }),
          },
          parameters: Object.keys(network.gradients),
          weights: network.weights.map(({ values }) => values),
        });

        for (const [k, { values }] of network.outputs.entries()) expectClose(outputs[k]!, values, 1e-5);
        for (const [name, { values }] of Object.entries(network.gradients)) {
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

/**
 * Expects the same structure with the same numbers, except for the last of six digits, in which machines may differ.
 */
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
