import { languageModelConfig, parameterShapes, stateShapes } from '@unroll/core';
import { rowGradientProgram } from '@unroll/core/internal';
import { afterAll, expect, test } from 'vitest';
import { type StagedProgram, zeros } from './engine.js';
import { onnxRuntimeEngine } from './onnxruntime.js';

const config = languageModelConfig({ vocabSize: 50, embeddingDim: 8, hiddenDim: 8, layers: 2, cell: 'gru' });
const [batch, time] = [2, 3];
const program = rowGradientProgram(config, { batch, time });
const kept = { ...parameterShapes(config), ...stateShapes(config, batch) };
const stages = [
  Object.keys(stateShapes(config, batch)).map((name) => `next.${name}`),
  ['tokenLosses', 'gradient.output.kernel', 'gradient.output.bias'],
];
const inputs = {
  ids: Int32Array.from({ length: batch * time }, (_, k) => 7 * k),
  targets: Int32Array.from({ length: batch * time }, (_, k) => k),
  lossWeights: new Float32Array(batch * time).fill(1 / time),
};
const engine = onnxRuntimeEngine({ provider: 'cpu', threads: 1 });
const staged: StagedProgram = await engine.compileStages!(program, stages, new Set(Object.keys(kept)));
afterAll(() => staged.dispose());

const initialValue = (i: number) => Math.sin(i) / 2;

test('stages compute what the program does in one run, bit for bit', async () => {
  const residents = engine.allocate(zeros(kept));
  for (const name of residents.names) {
    staged.values[name]!.set(staged.values[name]!.map((_, i) => initialValue(i)));
    residents.write(name, staged.values[name]!);
  }
  const whole = await engine.compile(program, [residents]);
  const expected = await whole.run(inputs);
  for (const stage of [0, 1, 2]) await staged.run(stage, inputs);
  for (const [name, values] of Object.entries(expected)) expect(staged.values[name], name).toEqual(values);
  await whole.dispose();
});

test('while a stage runs, the arrays that it does not need can be written and read', async () => {
  await staged.run(0, inputs);
  const running = staged.run(1, inputs);
  expect(staged.values['gru.0.kernel']![1]).toBe(Math.fround(initialValue(1)));
  staged.values['gru.0.kernel']!.fill(0);
  await running;
  expect(staged.reads(1)).not.toContain('gru.0.kernel');
  expect(staged.values['output.kernel']![1]).toBe(Math.fround(initialValue(1)));
});

test('a stage that fails says why, and gives back what it was lent', async () => {
  const ids = Int32Array.from(inputs.ids, () => 50);
  await expect(staged.run(0, { ...inputs, ids })).rejects.toThrow(/out of (data )?bounds/);
  await expect(staged.run(0, inputs)).resolves.toBeUndefined();
});
