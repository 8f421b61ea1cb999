/**
 * `--task anomaly`: finds unexpected behaviour in a signal by the errors of an LSTM that predicts its next value. The
 * model learns only from the first rows of each signal. The threshold is calibrated on normal data; labels serve only
 * to measure the result.
 */
import { defaultOptimizer, graphOfProgram, uniformParameters } from '@unroll/core';
import { forecasterParameterShapes, forecastProgram } from '@unroll/core/internal';
import { z } from 'zod';
import { sizeOption } from '../../configuration/option-names.js';
import { UnrollError } from '../../errors.js';
import { log } from '../../terminal/log.js';
import { parseConfig } from '../parse-config.js';
import { everyEpoch, withDefaults } from '../settings.js';
import type { HeldOutData, Metrics, Programs, Task, TaskModel, TaskSplit } from '../task.js';
import { scaled, scaleOf } from '../time-series/scale.js';
import { forecasts, trainableForecaster, type Window, windowsWithin, windowTraining } from '../time-series/windows.js';
import { bestThreshold, calibratedThreshold, detectionAt, likelihood, scoredSignal } from './detection.js';
import { probationaryRows } from './nab-score.js';
import type { Signal } from './signal.js';
import { irregularities, readSignals, SAMPLE } from './signals.js';

const count = z.int().positive();

const configSchema = z.object({
  model: z.strictObject({
    series: z.literal(1),
    context: count,
    horizon: z.literal(1),
    hiddenDim: count,
    dropout: z.number().min(0).lt(1),
  }),
});

type AnomalyConfig = z.infer<typeof configSchema>;

export const anomaly: Task = {
  name: 'anomaly',
  data: `a folder of CSV files of timestamps and values with their labelled windows, or '${SAMPLE}'`,
  defaults: withDefaults({
    model: { context: 48, hiddenDim: 32, dropout: 0 },
    batchSize: 64,
    optimizer: defaultOptimizer('adam'),
    learningRate: 0.002,
    schedule: everyEpoch(0.9),
    clipNorm: 1,
    epochs: 15,
  }),
  selection: { metric: 'mse', better: 'lower' },
  configure: async (data, { model }) => {
    for (const line of irregularities(data)) log(line);
    return {
      model: {
        series: 1,
        context: model.context!,
        horizon: 1,
        hiddenDim: model.hiddenDim!,
        dropout: model.dropout!,
      },
    } satisfies AnomalyConfig;
  },
  model: (config) => anomalyModel(parseConfig(configSchema, config)),
};

function anomalyModel({ model }: AnomalyConfig): TaskModel {
  const shapes = forecasterParameterShapes(model);
  const windowsOf = (data: string, split: TaskSplit) => {
    const signals = readSignals(data);
    const windows = signals.map((signal) => {
      const source = scaled(signal, scaleOf(signal, 0, probationaryRows(signal.times.length)));
      return windowsWithin(source, rowsOf(signal, split), model);
    });
    const short = windows.findIndex(({ length }) => length === 0);
    if (short === -1) return { signals, windows };
    throw new UnrollError(
      `${data}: ${signals[short]!.name} is too short for ${model.context} rows of context; give more rows, or a smaller ${sizeOption('context')}`,
    );
  };
  return {
    trainable: trainableForecaster(model),
    initialParameters: (seed) => uniformParameters(shapes, { seed, range: 1 / Math.sqrt(model.hiddenDim) / 4 }),
    trainingData: async (data, settings) => windowTraining(model, windowsOf(data, 'train').windows.flat(), settings),
    heldOutData: async (data, split) => {
      const { signals, windows } = windowsOf(data, split);
      return split === 'test' ? detection(model, signals, windows) : prediction(model, windows.flat());
    },
    bundle: (parameters) => ({
      graphs: { forecast: graphOfProgram(forecastProgram(model, 1), shapes, parameters) },
      config: { model, likelihood },
    }),
  };
}

/**
 * Returns the rows of a part. The first 70 % of the probationary rows are for training, the others for validation; all
 * rows of the signal are for test.
 */
function rowsOf({ times }: Signal, split: TaskSplit): { from: number; to: number } {
  const learnt = probationaryRows(times.length);
  const trained = Math.floor(0.7 * learnt);
  return { train: { from: 0, to: trained }, valid: { from: trained, to: learnt }, test: { from: 0, to: times.length } }[
    split
  ];
}

type Model = AnomalyConfig['model'];

function prediction(model: Model, windows: readonly Window[]): HeldOutData {
  const meanSquare = async (programs: Programs) => {
    const errors = await errorsOf(model, windows, programs);
    return errors.reduce((sum, error) => sum + error * error, 0) / errors.length;
  };
  return {
    examples: windows.length,
    validate: meanSquare,
    evaluate: async (programs) => ({ mse: await meanSquare(programs) }),
  };
}

/** Evaluates signals by the windows that end before each of their rows, except the first rows, which have no full context. */
function detection(model: Model, signals: readonly Signal[], windows: readonly (readonly Window[])[]): HeldOutData {
  const all = windows.flat();
  const evaluate = async (programs: Programs): Promise<Metrics> => {
    const errors = await errorsOf(model, all, programs);
    let next = 0;
    const scored = signals.map((signal, k) => {
      const known = errors.slice(next, next + windows[k]!.length);
      next += known.length;
      return scoredSignal(signal, [...Array<number>(model.context).fill(Number.NaN), ...known]);
    });
    const threshold = calibratedThreshold(scored);
    const best = bestThreshold(scored);
    return {
      ...detectionAt(scored, threshold),
      threshold,
      nabAtBestThreshold: detectionAt(scored, best).nab,
      bestThreshold: best,
      mse: errors.reduce((sum, error) => sum + error * error, 0) / errors.length,
    };
  };
  return { examples: all.length, validate: async (programs) => (await evaluate(programs)).mse!, evaluate };
}

/** Returns |actual − predicted| for the row after each window. */
async function errorsOf(model: Model, windows: readonly Window[], programs: Programs): Promise<number[]> {
  const predicted = await forecasts(model, windows, programs);
  return windows.map(({ source, at }, k) => Math.abs(source[at]! - predicted[k]![0]!));
}
