import { describe, expect, test } from 'vitest';
import { backends, type Differentiable } from '../../testing/backends.js';
import type { Values } from '../../testing/onnx-runtime.js';
import { expectClose, finiteDifferences, type Naive, rows, spread, spreadInputs } from '../../testing/textbook.js';
import { type DeltaRuleInputs, generalizedDeltaRule } from './generalized-delta-rule.js';
import { naiveDeltaRule } from './naive.js';

interface Shape {
  readonly time: number;
  readonly lanes: number;
  readonly key: number;
  readonly value: number;
  readonly chunk: number;
  /** The logarithms of the decays are from −`decay` to 0. */
  readonly decay: number;
}

const names = ['query', 'key', 'value', 'logDecay', 'a', 'b', 'initial'] as const;

function task({ time, lanes, key, value, chunk, decay }: Shape): { differentiable: Differentiable; naive: Naive } {
  const row = [time, lanes, key];
  const drawn = spreadInputs({
    ...{ query: row, key: row, value: [time, lanes, value], logDecay: row, a: row, b: row },
    initial: [lanes, value, key],
  });
  const scaled = (name: string, by: (x: number) => number) => ({
    ...drawn[name]!,
    values: drawn[name]!.values.map((x) => Math.fround(by(x))),
  });
  const inputs: Record<string, Values> = {
    ...drawn,
    logDecay: scaled('logDecay', (x) => (-decay * (x + 1)) / 2),
    ...{ a: scaled('a', (x) => x / Math.sqrt(key)), b: scaled('b', (x) => x / Math.sqrt(key)) },
  };
  const naive: Naive = (given) => {
    const at = (name: string, t: number, lane: number) => rows(given[name]!)[t * lanes + lane]!;
    const states = rows(given.initial!);
    const results = Array.from({ length: lanes }, (_, lane) =>
      naiveDeltaRule(
        Array.from({ length: time }, (_, t) => ({
          ...{ query: at('query', t, lane), key: at('key', t, lane), value: at('value', t, lane) },
          ...{ logDecay: at('logDecay', t, lane), a: at('a', t, lane), b: at('b', t, lane) },
        })),
        states.slice(lane * value, (lane + 1) * value),
      ),
    );
    const outputs = Array.from({ length: time }, (_, t) => results.flatMap((result) => result.outputs[t]!)).flat();
    return [outputs, results.flatMap(({ state }) => state.flat())];
  };
  const fn: Differentiable['fn'] = (given) => {
    const { outputs, state } = generalizedDeltaRule(given as unknown as DeltaRuleInputs, { chunk });
    return [outputs, state];
  };
  const weights = [time * lanes * value, lanes * value * key].map((count, k) =>
    spread(count, 100 + k).map(Math.fround),
  );
  return { differentiable: { fn, inputs, parameters: [...names], weights }, naive };
}

const differentiated: Shape[] = [
  { time: 1, lanes: 2, key: 3, value: 2, chunk: 16, decay: 1 },
  { time: 7, lanes: 1, key: 2, value: 3, chunk: 2, decay: 1 },
  { time: 11, lanes: 2, key: 2, value: 2, chunk: 4, decay: 30 },
];

const computed: Shape[] = [
  { time: 16, lanes: 3, key: 4, value: 4, chunk: 16, decay: 0.6 },
  { time: 37, lanes: 2, key: 4, value: 5, chunk: 16, decay: 0.6 },
  { time: 64, lanes: 1, key: 8, value: 8, chunk: 64, decay: 0.6 },
  { time: 40, lanes: 1, key: 4, value: 4, chunk: 32, decay: 300 },
  { time: 9, lanes: 1, key: 4, value: 4, chunk: 1, decay: 2 },
];

const named = ({ time, lanes, key, value, chunk, decay }: Shape) =>
  `T${time} L${lanes} K${key} V${value}, chunks of ${chunk}, decays to e^-${decay}`;

describe.each(Object.entries(backends))('%s', (_, evaluate) => {
  test.each(differentiated.map((shape) => [named(shape), shape] as const))(
    '%s: outputs are the textbook loop’s, gradients its finite differences',
    async (_, shape) => {
      const { differentiable, naive } = task(shape);
      const { outputs, gradients } = await evaluate(differentiable);
      naive(differentiable.inputs).forEach((expected, k) => {
        expectClose(outputs[k]!, expected, 1e-5);
      });
      const expected = finiteDifferences(naive, differentiable);
      for (const name of differentiable.parameters) expectClose(gradients[name]!, expected[name]!, 2e-5);
    },
  );

  test.each(computed.map((shape) => [named(shape), shape] as const))('%s: as the textbook loop', async (_, shape) => {
    const { differentiable, naive } = task(shape);
    const { outputs } = await evaluate({ ...differentiable, parameters: [] });
    naive(differentiable.inputs).forEach((expected, k) => {
      expectClose(outputs[k]!, expected, 1e-5);
    });
  });
});

describe('in chunks', () => {
  const evaluate = backends['ONNX Runtime, traced']!;

  test('any chunk gives the same outputs and gradients', async () => {
    const shape = { time: 45, lanes: 1, key: 4, value: 4, decay: 0.6065 };
    const [reference, ...others] = await Promise.all(
      [1, 8, 64].map((chunk) => evaluate(task({ ...shape, chunk }).differentiable)),
    );
    for (const { outputs, gradients } of others) {
      outputs.forEach((values, k) => {
        expectClose(values, reference!.outputs[k]!, 1e-5);
      });
      for (const name of names) expectClose(gradients[name]!, reference!.gradients[name]!, 2e-5);
    }
  });

  test('a key that repeats, which is removed wholly each time, keeps its precision', async () => {
    const { differentiable, naive } = task({ time: 64, lanes: 1, key: 4, value: 4, chunk: 64, decay: 0 });
    const repeated = (values: number[]) => ({
      shape: [64, 1, 4],
      values: Array.from({ length: 64 }, () => values).flat(),
    });
    const inputs = {
      ...differentiable.inputs,
      ...{ key: repeated([0.5, 0.5, 0.5, 0.5]), a: repeated([-0.5, -0.5, -0.5, -0.5]) },
      b: repeated([0.5, 0.5, 0.5, 0.5]),
    };
    const { outputs } = await evaluate({ ...differentiable, inputs, parameters: [] });
    naive(inputs).forEach((expected, k) => {
      expectClose(outputs[k]!, expected, 1e-5);
    });
  });

  test('a step with zero key, b and logDecay leaves the state unchanged', async () => {
    const { differentiable } = task({ time: 3, lanes: 2, key: 2, value: 2, chunk: 16, decay: 1 });
    const nothing = { shape: [3, 2, 2], values: Array<number>(12).fill(0) };
    const inputs: Record<string, Values> = { ...differentiable.inputs, key: nothing, b: nothing, logDecay: nothing };
    const { outputs } = await evaluate({ ...differentiable, inputs, parameters: [] });
    expect(outputs[1]).toEqual(inputs.initial!.values);
  });

  test('a chunk that is no power of two is refused', () => {
    const { differentiable } = task({ time: 3, lanes: 1, key: 2, value: 2, chunk: 12, decay: 1 });
    expect(() => differentiable.fn(differentiable.inputs as never)).toThrow('chunk must be a power of two, got 12');
  });
});
