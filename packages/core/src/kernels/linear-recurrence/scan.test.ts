import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
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
  (['forward', 'backward'] as const).flatMap((direction) =>
    [1, 2, 7, 12, 16, 23, 35].map((time) => ({ direction, time })),
  ),
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

test('a prime number of steps has the gradients of one step after another', () => {
  const time = 23;
  const size = batch * width;
  const [a, b, initial, weights] = [time, time, 1, time].map((steps, k) => spread(steps * size, k + 1)) as [
    ...[number[], number[], number[], number[]],
  ];
  const steps = [...Array(time).keys()];
  const before = [...initial, ...loop(a, b, initial, steps).states];
  // The derivative with respect to h_t is its weight plus, through the next step, the derivative with respect to
  // h_(t+1).
  const later = [...a.slice(size), ...Array<number>(size).fill(0)];
  const byState = loop(later, weights, Array<number>(size).fill(0), steps.toReversed()).states;
  const rows = (values: number[]) => tf.tensor2d(values, [values.length / width, width]);
  const gradients = tf.grads((...[x, y, z]: tf.Tensor[]) =>
    tf.sum(tf.mul(scan({ a: x!, b: y!, initial: z!, time }).states, rows(weights))),
  )([rows(a), rows(b), rows(initial)]);
  const expected = [
    byState.map((value, k) => value * before[k]!),
    byState,
    a.slice(0, size).map((value, k) => value * byState[k]!),
  ];
  for (const [k, values] of expected.entries()) expectClose([...gradients[k]!.dataSync()], values, 1e-5);
});

test.each([400, 397, 398])('a sequence of %d steps is a graph of a few hundred operations, not of 800', (time) => {
  const rows = { shape: [time, width], dtype: 'float32' } as const;
  const graph = trace(({ a, b, initial }) => ({ ...scan({ a: a!, b: b!, initial: initial!, time }) }), {
    ...{ a: rows, b: rows },
    initial: { shape: [1, width], dtype: 'float32' },
  });
  expect(graph.nodes.length).toBeLessThan(190);
});
