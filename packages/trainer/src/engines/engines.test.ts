import {
  dropoutWidths,
  fillDropoutMask,
  initialParameters,
  languageModelConfig,
  parameterShapes,
  slotShapes,
  stateShapes,
  trainingProgram,
} from '@unroll/core';
import { expect, test } from 'vitest';
import { zeros } from './engine.js';
import { type EngineName, selectEngine } from './select.js';

const config = languageModelConfig({ vocabSize: 30, embeddingDim: 6, hiddenDim: 8, layers: 2, dropout: 0.3 });
const shape = { batch: 3, time: 4 };
const rows = shape.batch * shape.time;
const recipe = { optimizer: { name: 'momentum', momentum: 0.9 }, clipNorm: 0.5 } as const;

/** The losses of some training steps, and a parameter at the end. */
async function trainOn(name: EngineName) {
  const engine = await selectEngine(name, 1);
  const shapes = parameterShapes(config);
  const initial = initialParameters(config, { seed: 3 });
  const parameters = engine.allocate(
    Object.fromEntries(Object.entries(shapes).map(([key, dims]) => [key, { shape: dims, values: initial[key]! }])),
  );
  const slots = engine.allocate(zeros(slotShapes(recipe.optimizer, shapes)));
  const state = engine.allocate(zeros(stateShapes(config, shape.batch)));
  const executable = await engine.compile(trainingProgram(config, shape, recipe), [parameters, slots, state]);
  const losses: number[] = [];
  for (let step = 0; step < 4; step++) {
    const ids = Int32Array.from({ length: rows }, (_, k) => (7 * k + step) % config.vocabSize);
    const masks = dropoutWidths(config).map((width, site) => {
      const mask = new Float32Array(rows * width);
      fillDropoutMask(mask, {
        rate: 0.3,
        seed: 1,
        step,
        site,
        firstLane: 0,
        lanes: shape.batch,
        time: shape.time,
        width,
      });
      return [`dropout.${site}`, mask] as const;
    });
    const { tokenLosses } = await executable.run({
      ids,
      targets: ids.map((id) => (id + 1) % config.vocabSize),
      lossWeights: new Float32Array(rows).fill(1 / rows),
      learningRate: Float32Array.of(0.5),
      step: Float32Array.of(step + 1),
      ...Object.fromEntries(masks),
    });
    losses.push(...tokenLosses!);
  }
  const kernel = [...(await parameters.read('lstm.1.recurrent_kernel'))];
  await executable.dispose();
  for (const residents of [parameters, slots, state]) residents.dispose();
  return [...losses, ...kernel];
}

test.each(['cpu', 'wasm'] as const)('the %s engine trains as ONNX Runtime does', async (name) => {
  const expected = await trainOn('onnxruntime');
  const actual = await trainOn(name);
  const worst = Math.max(...actual.map((value, k) => Math.abs(value - expected[k]!)));
  expect(actual).toHaveLength(expected.length);
  expect(worst).toBeLessThan(1e-5);
});
