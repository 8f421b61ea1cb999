import { describe, expect, test } from 'vitest';
import { classifyIds, type TokenStep } from '../decoding/classification.js';
import { runGraph, type Values } from '../testing/onnx-runtime.js';
import { expectClose } from '../testing/textbook.js';
import { trace } from '../tracing/trace.js';
import {
  classifierEvaluationProgram,
  classifierParameterShapes,
  classifierStateShapes,
  classifierStepProgram,
} from './classifier.js';
import { uniformParameters } from './initial-parameters.js';

const config = { vocabSize: 9, embeddingDim: 3, hiddenDim: 4, classes: 3, dropout: 0 };
const shapes = classifierParameterShapes(config);
const parameters: Record<string, Values> = Object.fromEntries(
  Object.entries(uniformParameters(shapes, { seed: 5, range: 0.7 })).map(([name, values]) => [
    name,
    { shape: shapes[name]!, values: [...values] },
  ]),
);
const texts = [
  [1, 2, 3, 4, 5],
  [6, 7],
];

/** The scores of both texts, padded to `time` with the token `filler`. */
async function scores(time: number, filler: number): Promise<number[]> {
  const { run, inputs } = classifierEvaluationProgram(config, { batch: 2, time });
  const ids = Array.from({ length: time }, (_, t) => texts.map((text) => text[t] ?? filler)).flat();
  const { logits } = await runGraph(trace(run, inputs), {
    ...parameters,
    ids: { shape: [time, 2], values: ids, dtype: 'int32' },
    lengths: { shape: [2], values: texts.map(({ length }) => length), dtype: 'int32' },
  });
  return logits!;
}

describe('a text classifier', () => {
  test('gives a text the same scores whatever its padding', async () => {
    const exact = await scores(5, 0);
    expectClose(await scores(8, 0), exact, 1e-6);
    expectClose(await scores(8, 4), exact, 1e-6);
  });

  test('gives the same probabilities step by step, from both ends', async () => {
    const { run, inputs } = classifierStepProgram(config);
    const graph = trace(run, inputs);
    const stateShapes = classifierStateShapes(config);
    const step: TokenStep = async (ids, state) => {
      const given = Object.entries(state).map(([name, values]) => [
        name,
        { shape: stateShapes[name]!, values: [...values] },
      ]);
      const { logits, ...outputs } = await runGraph(graph, {
        ...parameters,
        ...Object.fromEntries(given),
        ids: { shape: [2], values: [...ids], dtype: 'int32' },
      });
      const next = Object.entries(outputs).map(([name, values]) => [
        name.replace('next.', ''),
        Float32Array.from(values),
      ]);
      return { logits: Float32Array.from(logits!), state: Object.fromEntries(next) };
    };
    const zeros = Object.fromEntries(
      Object.entries(stateShapes).map(([name, [, width]]) => [name, new Float32Array(width!)]),
    );
    const expected = await scores(5, 0);
    for (const [k, text] of texts.entries()) {
      const logits = expected.slice(k * config.classes, (k + 1) * config.classes).map(Math.exp);
      const sum = logits.reduce((total, value) => total + value, 0);
      const probabilities = await classifyIds(step, text, zeros);
      expectClose(
        [...probabilities],
        logits.map((value) => value / sum),
        1e-6,
      );
    }
  });

  test('refuses a text without tokens', async () => {
    const unused: TokenStep = async () => ({ logits: new Float32Array(), state: {} });
    await expect(classifyIds(unused, [], {})).rejects.toThrow('the text has no tokens');
  });
});
