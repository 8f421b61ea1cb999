import { languageModelConfig } from '@unroll/core';
import { trainableLanguageModel } from '@unroll/core/internal';
import { expect, test } from 'vitest';
import { LanguageModelBatches } from '../language-model/language-model-batches.js';
import { LaneLosses } from './lane-losses.js';
import { laneWidth, packLanes, unpackLosses, unpackRecurrent } from './lane-states.js';

const config = languageModelConfig({ vocabSize: 9, embeddingDim: 2, hiddenDim: 3, cell: 'lstm', layers: 2 });
const model = trainableLanguageModel(config);
const lanes = 4;

function recurrentState() {
  const names = ['h.0', 'c.0', 'h.1', 'c.1'];
  return Object.fromEntries(
    names.map((name, k) => [name, Float32Array.from({ length: 3 * lanes }, (_, i) => 100 * k + i)]),
  );
}

test('a lane is given to another process with its state, loss and tokens', () => {
  const losses = new LaneLosses(lanes);
  losses.sums.set([1, 2, 3, 4]);
  losses.counts.set([10, 20, 30, 40]);
  const rows = packLanes(model, recurrentState(), losses);
  expect(unpackRecurrent(model, rows)).toEqual(recurrentState());

  const width = laneWidth(model);
  const second = rows.subarray(width, 2 * width);
  expect(unpackRecurrent(model, second)['c.1']).toEqual(recurrentState()['c.1']!.slice(3, 6));
  const received = new LaneLosses(1);
  unpackLosses(model, second, received);
  expect(received.total).toEqual({ lossSum: 2, count: 20 });
});

test('losses are added by lane, and anew when an epoch begins', () => {
  const losses = new LaneLosses(2);
  const batch = { ids: new Int32Array(4), targets: new Int32Array(4), steps: 2, lanes: 2 };
  const training = { batchSize: 2, sequenceLength: 3, lossNormalization: 'token', seed: 1 } as const;
  const add = (resetState: boolean, ...tokenLosses: number[]) => {
    const text = { stepsPerEpoch: 3, batchAt: () => ({ ...batch, resetState }) };
    const batches = new LanguageModelBatches({ model: config, training, lanes: { from: 0, to: 2 }, text });
    return losses.add(batches.batchAt(0), { tokenLosses: Float32Array.from(tokenLosses) });
  };
  expect(add(true, 1, 2, 3, 4)).toEqual({ lossSum: 10, count: 4 });
  add(false, 1, 2, 3, 4, 9, 9);
  expect([...losses.sums]).toEqual([8, 12]);
  add(true, 1, 1, 1, 1);
  expect(losses.total).toEqual({ lossSum: 4, count: 4 });
});
