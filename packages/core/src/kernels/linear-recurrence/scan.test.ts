import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { expectClose, spread } from '../../testing/textbook.js';
import { trace } from '../../tracing/trace.js';
import { scan } from './scan.js';

beforeAll(() => tf.setBackend('cpu'));

const width = 3;
const batch = 2;

/** h_t = a_t∘h_(t−1) + b_t, one step after another. */
function loop(a: number[], b: number[], initial: number[], order: readonly number[]) {
  const states: number[] = Array(a.length);
  let state = initial;
  for (const t of order) {
    const at = t * initial.length;
    state = state.map((value, k) => a[at + k]! * value + b[at + k]!);
    for (const [k, value] of state.entries()) states[at + k] = value;
  }
  return { states, last: state };
}

test.each(
  (['forward', 'backward'] as const).flatMap((direction) => [1, 2, 7, 12, 16, 35].map((time) => ({ direction, time }))),
)('T$time $direction: the chunks together give what one step after another gives', ({ direction, time }) => {
  const rows = time * batch;
  const [a, b, initial] = [spread(rows * width, 1), spread(rows * width, 2), spread(batch * width, 3)];
  const steps = [...Array(time).keys()];
  const expected = loop(a, b, initial, direction === 'forward' ? steps : steps.toReversed());
  const matrix = (values: number[], height: number) => tf.tensor2d(values, [height, width]);
  const recurrence = { a: matrix(a, rows), b: matrix(b, rows), initial: matrix(initial, batch), time };
  const { states, last } = scan(recurrence, direction);
  expect(states.shape).toEqual([rows, width]);
  expect(last.shape).toEqual([batch, width]);
  expectClose([...states.dataSync()], expected.states, 1e-6);
  expectClose([...last.dataSync()], expected.last, 1e-6);
});

test('a sequence of 400 steps is a graph of some hundred operations, not of 800', () => {
  const rows = { shape: [400, width], dtype: 'float32' } as const;
  const graph = trace(({ a, b, initial }) => ({ ...scan({ a: a!, b: b!, initial: initial!, time: 400 }) }), {
    ...{ a: rows, b: rows },
    initial: { shape: [1, width], dtype: 'float32' },
  });
  expect(graph.nodes.length).toBeLessThan(120);
});
