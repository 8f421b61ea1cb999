import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Progress } from './progress.js';

const lines = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => {
  lines.mockClear();
  vi.useRealTimers();
});

const said = () => lines.mock.calls.map(([line]) => line);

test('the rate is that of the work seen here: not of what was done before, nor of none', () => {
  const progress = new Progress('epoch 1/2', 1000, 'tokens');
  vi.advanceTimersByTime(20_000);
  progress.update(600, 'perplexity 7.00');
  vi.advanceTimersByTime(20_000);
  progress.update(800, 'perplexity 6.00');
  expect(said()).toEqual([
    'epoch 1/2: 600/1000 tokens perplexity 7.00\n',
    'epoch 1/2: 800/1000 tokens, 10.0/s, 20 s left perplexity 6.00\n',
  ]);
});

test('after a return to an earlier step the rate begins anew, and is never negative', () => {
  const progress = new Progress('epoch 1/2', 1000, 'tokens');
  for (const value of [600, 200, 300]) {
    progress.update(value);
    vi.advanceTimersByTime(20_000);
  }
  expect(said()).toEqual(['epoch 1/2: 200/1000 tokens\n', 'epoch 1/2: 300/1000 tokens, 5.0/s, 2 min 20 s left\n']);
});
