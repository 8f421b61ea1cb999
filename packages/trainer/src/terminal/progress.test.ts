import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { closeLog, log } from './log.js';
import { Progress } from './progress.js';

const lines = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
const { isTTY, columns } = process.stderr;
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => {
  Object.assign(process.stderr, { isTTY, columns });
  closeLog();
  lines.mockClear();
  vi.useRealTimers();
});

const said = () => lines.mock.calls.map(([line]) => line);

test('the rate is that of the work seen here: not of what was done before, nor of none', () => {
  const progress = new Progress('epoch 1/2', 1000, 'tokens');
  vi.advanceTimersByTime(20_000);
  progress.update(600, { figure: 'perplexity 7.00' });
  vi.advanceTimersByTime(20_000);
  progress.update(800, { figure: 'perplexity 6.00' });
  expect(said()).toEqual([
    'epoch 1/2: perplexity 7.00, 600/1000 tokens\n',
    'epoch 1/2: perplexity 6.00, 20 s left, 800/1000 tokens, 10.0/s\n',
  ]);
});

test('after a return to an earlier step the rate begins anew, and is never negative', () => {
  const progress = new Progress('epoch 1/2', 1000, 'tokens');
  for (const value of [600, 200, 300]) {
    progress.update(value);
    vi.advanceTimersByTime(20_000);
  }
  expect(said()).toEqual(['epoch 1/2: 200/1000 tokens\n', 'epoch 1/2: 2 min 20 s left, 300/1000 tokens, 5.0/s\n']);
});

test.each([
  [80, 'perplexity 6.00 · 1 h 00 min left · epoch 1/2 80% · 10.0 tokens/s ██████████░░░'],
  [50, 'perplexity 6.00 · 1 h 00 min left · epoch 1/2 80%'],
  [34, 'perplexity 6.00 · 1 h 00 min left'],
  [10, 'perplexit'],
])('on a terminal of %d columns the line fits, with the figure and the time left of the run first', (width, line) => {
  Object.assign(process.stderr, { isTTY: true, columns: width });
  const progress = new Progress('epoch 1/2', 1000, 'tokens');
  progress.update(600);
  vi.advanceTimersByTime(20_000);
  lines.mockClear();
  progress.update(800, { figure: 'perplexity 6.00', secondsLeft: 3600 });
  expect(said()).toEqual([`\r${line}\x1b[K`]);
  expect(line.length).toBeLessThan(width);
});

test('a line of the log stands above the bar, which is drawn again', () => {
  Object.assign(process.stderr, { isTTY: true, columns: 40 });
  const progress = new Progress('reading', 10, 'MB');
  progress.update(5);
  lines.mockClear();
  log('a notice');
  progress.stop();
  expect(said()).toEqual(['\r\x1b[K', 'a notice\n', '\rreading 50% ██████████████░░░░░░░░░░░░░\x1b[K', '\r\x1b[K']);
});
