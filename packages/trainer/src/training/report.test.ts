import { afterEach, expect, test, vi } from 'vitest';
import { presets } from './language-model/presets.js';
import { RunReport } from './report.js';
import type { RunEpoch, RunStart } from './run.js';

const lines = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
afterEach(() => lines.mockClear());

const start: RunStart = {
  ...{ type: 'start', engine: 'an engine', parameters: 1000, settings: presets.tiny, mayLeave: false },
  ...{ unit: 'tokens', trainCount: 100, validCount: 10, vocabSize: 10, metric: 'perplexity', better: 'lower' },
  ...{ firstStep: 40, totalSteps: 40, stepsPerEpoch: 20, epochs: 2, notices: ['a line before'] },
};

test('a worker of a run that has had all its steps reports these, and no rate or perplexity', () => {
  const report = new RunReport('runs/done');
  report.add(start);
  expect(report.result()).toEqual({
    ...{ checkpoint: 'runs/done', steps: 40, tokens: 0, engine: 'an engine' },
    ...{ tokensPerSecond: null, trainPerplexity: null, validPerplexity: null },
  });
  expect(lines.mock.calls[0]).toEqual(['a line before\n']);
});

test('an epoch whose steps were not made here has no rate, though its end took time', () => {
  const report = new RunReport('runs/taken-over');
  report.add(start);
  report.add({
    ...{ type: 'epoch', epoch: 2, step: 40, complete: true, learningRate: 1, lossSum: 3, count: 2, seconds: 0.8 },
    value: 7,
  });
  expect(report.result()).toMatchObject({ tokensPerSecond: null, trainPerplexity: 4.4817 });
  expect(lines.mock.calls.at(-1)![0]).toContain('validation 7.00, unknown tokens/s');
});

test('an epoch that ended before this process began has a validation, but no training perplexity', () => {
  const report = new RunReport('runs/restarted');
  report.add(start);
  const epoch: RunEpoch = {
    ...{ type: 'epoch', epoch: 2, step: 40, complete: true, learningRate: 1, lossSum: 0, count: 0, seconds: 0 },
    value: 7,
  };
  report.add(epoch);
  expect(report.result()).toMatchObject({ tokensPerSecond: null, trainPerplexity: null, validPerplexity: 7 });
  expect(lines.mock.calls.at(-1)![0]).toContain(
    'epoch 2/2, step 40: training perplexity unknown, validation 7.00, unknown tokens/s',
  );
});

test('a worker that does not write the checkpoints says that it has joined, and how each epoch went', () => {
  const report = new RunReport('runs/shared', 3, 1);
  report.add({ ...start, firstStep: 20, notices: [] }, 1);
  report.add(
    { type: 'epoch', epoch: 2, step: 40, complete: true, learningRate: 1, lossSum: 3, count: 2, seconds: 4 },
    1,
  );
  expect(lines.mock.calls).toEqual([
    ['worker 1 of 3 has joined at step 20, with 20 steps to go: an engine\n'],
    ['worker 1 of 3, epoch 2/2, step 40: perplexity 4.48 over its lanes, 1 tokens/s\n'],
  ]);
});

test('an evaluation within an epoch is one line, with its place among the others, and the sample another', () => {
  const report = new RunReport('runs/often');
  report.add({ ...start, firstStep: 0, notices: [] });
  lines.mockClear();
  const best = { step: 5, value: 7 };
  report.add({ type: 'validation', epoch: 1, step: 5, value: 7, best, trainLoss: 2, sample: 'the dogs bark' });
  report.add({ type: 'validation', epoch: 1, step: 10, value: 8, best, trainLoss: 1.5 });
  expect(lines.mock.calls).toEqual([
    ['step 5/40: training perplexity 7.39, validation 7.00, the best so far\n'],
    ['sample: the dogs bark\n'],
    ['step 10/40: training perplexity 4.48, validation 8.00 (best: 7.0000, step 5)\n'],
  ]);
});
