import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { runGraph } from '../testing/onnx-runtime.js';
import { trace } from '../tracing/trace.js';
import { forecasterLoss, forecasterParameterShapes, forecastProgram } from './forecaster.js';
import { graphOfProgram } from './graph-of-program.js';
import { uniformParameters } from './initial-parameters.js';
import { lossTrainingProgram } from './loss-program.js';

const config = { series: 2, context: 6, horizon: 3, hiddenDim: 4, dropout: 0 };
const shapes = forecasterParameterShapes(config);
const parameters = uniformParameters(shapes, { seed: 1, range: 0.3 });
const wave = (rows: number, shift = 0) =>
  Array.from({ length: rows * config.series }, (_, k) => Math.sin(0.7 * Math.floor(k / 2) + (k % 2)) + shift);

async function forecastOf(window: readonly number[], values = parameters): Promise<number[]> {
  const graph = graphOfProgram(forecastProgram(config, 1), shapes, values);
  const { forecast } = await runGraph(graph, { window: { shape: [config.context, 1, config.series], values: window } });
  return forecast!;
}

test('a forecast follows the level of its window', async () => {
  const low = await forecastOf(wave(config.context));
  const high = await forecastOf(wave(config.context, 5));
  expect(low).toHaveLength(config.horizon * config.series);
  low.forEach((value, k) => {
    expect(high[k]! - 5).toBeCloseTo(value, 4);
  });
});

test('a forecaster whose parameters are zero forecasts the last value', async () => {
  const zero = Object.fromEntries(Object.entries(parameters).map(([name, values]) => [name, values.map(() => 0)]));
  const window = wave(config.context);
  const last = window.slice(-config.series);
  const forecast = await forecastOf(window, zero);
  [...last, ...last, ...last].forEach((value, k) => {
    expect(forecast[k]).toBeCloseTo(value, 6);
  });
});

test('averaged SGD has an input for the weight of its average', () => {
  const recipe = { optimizer: { name: 'nt-asgd', patience: 5 }, clipNorm: 10 } as const;
  const { inputs } = lossTrainingProgram(forecasterLoss(config, 2), recipe);
  expect(inputs.averagingWeight).toEqual({ shape: [], dtype: 'float32' });
});

test('its loss is the mean squared error, weighted by window, and training lowers it', async () => {
  const batch = 2;
  const optimizer = { name: 'sgd' } as const;
  const program = lossTrainingProgram(forecasterLoss(config, batch), { optimizer, clipNorm: 10 });
  const graph = trace(program.run, program.inputs);
  const ramp = (rows: number, from: number) =>
    Array.from({ length: rows * batch * config.series }, (_, k) => (from + Math.floor(k / 4)) / 10 + (k % 4));
  const window = ramp(config.context, 0);
  const future = ramp(config.horizon, config.context);
  let current: Record<string, readonly number[]> = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, Array<number>(tf.util.sizeFromShape([...shape])).fill(0)]),
  );
  const losses: number[] = [];
  for (let step = 1; step <= 20; step++) {
    const named = Object.entries(shapes).map(([name, shape]) => [name, { shape, values: current[name]! }]);
    const outputs = await runGraph(graph, {
      ...Object.fromEntries(named),
      window: { shape: [config.context, batch, config.series], values: window },
      future: { shape: [config.horizon, batch, config.series], values: future },
      weights: { shape: [batch], values: [1, 0] },
      learningRate: { shape: [], values: [0.1] },
      step: { shape: [], values: [step] },
    });
    losses.push(outputs.loss![0]!);
    current = Object.fromEntries(Object.keys(shapes).map((name) => [name, outputs[`next.${name}`]!]));
  }
  // At first it forecasts the last value, from which the future differs by 0.1, 0.2 and 0.3.
  expect(losses[0]).toBeCloseTo((0.01 + 0.04 + 0.09) / 3, 5);
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
});
