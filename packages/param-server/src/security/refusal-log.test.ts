import { expect, test } from 'vitest';
import { RefusalLog } from './refusal-log.js';

test('the first refusal of a kind is told at once, and what follows together', () => {
  const lines: string[] = [];
  const log = new RefusalLog((line) => lines.push(line));
  for (let k = 0; k < 1000; k++) log.note('connection', 'too many', '10.0.0.1');
  log.note('call', 'no token', '10.0.0.2');
  log.note('connection', 'too many', '10.0.0.3');
  expect(lines).toEqual(['refused a connection from 10.0.0.1: too many', 'refused a call from 10.0.0.2: no token']);
  log.close();
  expect(lines.slice(2)).toEqual(['refused 1000 more connections from 10.0.0.1, 10.0.0.3: too many']);
});

test('of a flood from many addresses, five are named', () => {
  const lines: string[] = [];
  const log = new RefusalLog((line) => lines.push(line));
  for (let k = 0; k < 100_000; k++) log.note('connection', 'too many', `address ${k}`);
  log.close();
  const named = [1, 2, 3, 4, 5].map((k) => `address ${k}`).join(', ');
  expect(lines.at(-1)).toBe(`refused 99999 more connections from ${named} and others: too many`);
});
