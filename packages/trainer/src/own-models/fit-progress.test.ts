import * as tf from '@tensorflow/tfjs';
import { expect, test, vi } from 'vitest';
import './fit-progress.js';

test('fit with verbose 1 prints a line for each epoch, and with verbose 0 nothing', async () => {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
  model.compile({ loss: 'meanSquaredError', optimizer: 'sgd', metrics: ['mae'] });
  const data = [tf.ones([8, 2]), tf.ones([8, 1])] as const;
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await model.fit(...data, { epochs: 2, batchSize: 4, verbose: 0 });
  expect(written).not.toHaveBeenCalled();
  await model.fit(...data, { epochs: 2, batchSize: 4, verbose: 1, validationData: [...data] });
  const lines = written.mock.calls.map(([line]) => String(line));
  written.mockRestore();
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/^epoch 2\/2: (?=.*\bloss [\d.e-]+)(?=.*\bval_loss [\d.e-]+).*, [\d.]+ s\n$/);
});
