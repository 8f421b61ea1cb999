/** `--task forecast`: predicts the next steps of several series at once, with an LSTM over a window of the past. */
import { defaultOptimizer, graphOfProgram, uniformParameters } from '@unroll/core';
import { forecasterParameterShapes, forecastProgram } from '@unroll/core/internal';
import { z } from 'zod';
import { sizeOption } from '../../configuration/option-names.js';
import { UnrollError } from '../../errors.js';
import { log } from '../../terminal/log.js';
import { parseConfig } from '../parse-config.js';
import { everyEpoch, withDefaults } from '../settings.js';
import type { HeldOutData, Metrics, Task, TaskModel, TaskSplit } from '../task.js';
import { scaled, scaleOf } from '../time-series/scale.js';
import { forecasts, trainableForecaster, type Window, windowsWithin, windowTraining } from '../time-series/windows.js';
import { type Measurements, readMeasurements, rowsOf, SAMPLE } from './measurements.js';
import { rowsOfADay, seasonalNaive } from './seasonal-naive.js';

const count = z.int().positive();

const configSchema = z.object({
  model: z.strictObject({
    series: count,
    context: count,
    horizon: count,
    hiddenDim: count,
    dropout: z.number().min(0).lt(1),
  }),
  /** Names of the series, in the order of the columns. */
  names: z.array(z.string()),
  scale: z.strictObject({ mean: z.array(z.number()), deviation: z.array(z.number().positive()) }),
});

type ForecastConfig = z.infer<typeof configSchema>;

export const forecast: Task = {
  name: 'forecast',
  data: `a CSV file of timestamps and measurements, or '${SAMPLE}'`,
  defaults: withDefaults({
    model: { context: 96, horizon: 24, hiddenDim: 64, dropout: 0.3 },
    batchSize: 64,
    optimizer: defaultOptimizer('adam'),
    learningRate: 0.001,
    schedule: everyEpoch(0.7),
    clipNorm: 1,
    epochs: 8,
  }),
  selection: { metric: 'mse', better: 'lower' },
  configure: async (data, { model }) => {
    const measurements = readMeasurements(data);
    const { from, to } = rowsOf(measurements, 'train');
    return {
      model: {
        series: measurements.names.length,
        context: model.context!,
        horizon: model.horizon!,
        hiddenDim: model.hiddenDim!,
        dropout: model.dropout!,
      },
      names: measurements.names,
      scale: scaleOf(measurements, from, to),
    } satisfies Record<keyof ForecastConfig, unknown>;
  },
  model: (config) => forecastModel(parseConfig(configSchema, config)),
};

function forecastModel(config: ForecastConfig): TaskModel {
  const { model } = config;
  const shapes = forecasterParameterShapes(model);
  return {
    trainable: trainableForecaster(model),
    initialParameters: (seed) => uniformParameters(shapes, { seed, range: 1 / Math.sqrt(model.hiddenDim) / 4 }),
    trainingData: async (data, settings) => windowTraining(model, windowsOf(config, data, 'train').windows, settings),
    heldOutData: async (data, split) => heldOutData(config, windowsOf(config, data, split)),
    bundle: (parameters) => ({
      graphs: { forecast: graphOfProgram(forecastProgram(model, 1), shapes, parameters) },
      config: { ...config },
    }),
  };
}

interface SplitWindows {
  readonly windows: readonly Window[];
  readonly season: number;
}

function windowsOf(config: ForecastConfig, data: string, split: TaskSplit): SplitWindows {
  const measurements = readMeasurements(data);
  assertSameSeries(config, measurements, data);
  const { context, horizon } = config.model;
  const rows = rowsOf(measurements, split);
  const windows = windowsWithin(scaled(measurements, config.scale), rows, config.model);
  const incomplete = rows.to - horizon - Math.max(rows.from, context) + 1 - windows.length;
  if (incomplete > 0) log(`${data}: ${split}: ${incomplete} windows are left out, because values in them are missing`);
  if (windows.length === 0) {
    throw new UnrollError(
      `${data}: its ${split} part is too short for ${context} rows of context and ${horizon} of horizon; give more rows, or a smaller ${sizeOption('context')}`,
    );
  }
  return { windows, season: rowsOfADay(measurements.times) };
}

function assertSameSeries({ names }: ForecastConfig, measurements: Measurements, data: string): void {
  if (names.join() === measurements.names.join()) return;
  throw new UnrollError(
    `${data}: has the columns ${measurements.names.join(', ')}, the model forecasts ${names.join(', ')}; give data with the same columns`,
  );
}

/**
 * Evaluates the forecasts. Errors are those of the scaled series, over all steps of all windows' horizons, as in the
 * literature.
 */
function heldOutData({ model }: ForecastConfig, { windows, season }: SplitWindows): HeldOutData {
  const { series, horizon } = model;
  const truth = ({ source, at }: Window) => source.subarray(at * series, (at + horizon) * series);
  const evaluate = async (programs: Parameters<HeldOutData['evaluate']>[0]): Promise<Metrics> => {
    const ours = errorsOf(await forecasts(model, windows, programs), windows.map(truth));
    const known = windows
      .filter(({ at }) => at >= season)
      .map((window) => ({ window, naive: seasonalNaive(window.source, window.at, { season, horizon, series }) }))
      .filter(({ naive }) => !naive.some(Number.isNaN));
    const naive = errorsOf(
      known.map((each) => each.naive),
      known.map(({ window }) => truth(window)),
    );
    return { ...ours, seasonalNaiveMse: naive.mse, seasonalNaiveMae: naive.mae };
  };
  return {
    examples: windows.length,
    validate: async (programs) => errorsOf(await forecasts(model, windows, programs), windows.map(truth)).mse,
    evaluate,
  };
}

function errorsOf(forecasts: readonly Float32Array[], truths: readonly Float32Array[]): { mse: number; mae: number } {
  let [squares, absolutes, total] = [0, 0, 0];
  for (const [k, truth] of truths.entries()) {
    for (const [index, value] of truth.entries()) {
      const error = forecasts[k]![index]! - value;
      squares += error * error;
      absolutes += Math.abs(error);
    }
    total += truth.length;
  }
  return { mse: squares / total, mae: absolutes / total };
}
