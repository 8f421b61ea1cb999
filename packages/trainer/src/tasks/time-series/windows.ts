/** Windows over scaled series, as a forecaster reads them: batches for training, and the forecasts of all windows. */
import { type ForecasterConfig, forecasterLoss } from '@unroll/core';
import { forecasterParameterShapes, forecastProgram, type Trainable, trainableLoss } from '@unroll/core/internal';
import { fingerprintOf } from '../data-fingerprint.js';
import { dropoutMasks } from '../dropout-masks.js';
import { batchesInOrder, randomOfEpoch, shuffled } from '../epochs.js';
import { exampleBatches, weightsInMean } from '../example-batches.js';
import type { Programs, TaskSettings, TrainingData } from '../task.js';

/** A window of a source. Its context ends before the row `at`, the first row of its horizon. */
export interface Window {
  /** Scaled values, [rows, series]. */
  readonly source: Float32Array;
  readonly at: number;
}

const evaluationBatch = 256;

/**
 * Returns the windows without missing values whose horizons are in the rows [from, to) of a source, and whose contexts
 * are anywhere in the source.
 */
export function windowsWithin(
  source: Float32Array,
  { from, to }: { readonly from: number; readonly to: number },
  { context, horizon, series }: ForecasterConfig,
): Window[] {
  const windows: Window[] = [];
  let complete = 0;
  for (let row = Math.max(0, from - context); row < to; row++) {
    const isComplete = !source.subarray(row * series, (row + 1) * series).some(Number.isNaN);
    complete = isComplete ? complete + 1 : 0;
    if (complete >= context + horizon) windows.push({ source, at: row + 1 - horizon });
  }
  return windows;
}

/** Returns training data that visits every window once per epoch, in random order. */
export function windowTraining(
  config: ForecasterConfig,
  windows: readonly Window[],
  { batchSize, seed }: TaskSettings,
): TrainingData {
  const windowsAt = batchesInOrder(windows.length, batchSize, (epoch) => shuffled(windows, randomOfEpoch(seed, epoch)));
  return {
    examples: windows.length,
    fingerprint: fingerprintOf([
      ...new Set(windows.map(({ source }) => source)),
      Int32Array.from(windows, ({ at }) => at),
    ]),
    countOf: (batch) => windowsAt(batch).length,
    batchesOf: exampleBatches({
      batchesPerEpoch: Math.ceil(windows.length / batchSize),
      isUniform: true,
      examplesAt: windowsAt,
      shapeOf: (_, batch) => ({ batch }),
      inputsOf: (dealt, { batch }) => ({
        window: valuesOf(config, dealt.own, batch!, 'context'),
        future: valuesOf(config, dealt.own, batch!, 'horizon'),
        weights: weightsInMean(dealt),
        ...dropoutMasks({ rate: config.dropout, seed, ...dealt }, [{ time: 1, width: config.hiddenDim }]),
      }),
    }),
  };
}

/** Returns the trainable model of {@link windowTraining}'s batches. */
export function trainableForecaster(config: ForecasterConfig): Trainable {
  return trainableLoss(forecasterParameterShapes(config), ({ batch }) => forecasterLoss(config, batch!));
}

/** Returns the scaled forecast of each window, [horizon, series]. */
export async function forecasts(
  config: ForecasterConfig,
  windows: readonly Window[],
  programs: Programs,
): Promise<Float32Array[]> {
  const { series, horizon } = config;
  const all: Float32Array[] = [];
  for (let start = 0; start < windows.length; start += evaluationBatch) {
    const chosen = windows.slice(start, start + evaluationBatch);
    const window = valuesOf(config, chosen, evaluationBatch, 'context');
    const program = () => forecastProgram(config, evaluationBatch);
    const { forecast } = await programs.run('forecast', program, { window });
    for (let lane = 0; lane < chosen.length; lane++) {
      all.push(
        Float32Array.from({ length: horizon * series }, (_, k) => {
          const [step, column] = [Math.floor(k / series), k % series];
          return forecast![(step * evaluationBatch + lane) * series + column]!;
        }),
      );
    }
  }
  return all;
}

/** Returns the rows of the windows' contexts or horizons, [rows, batch, series]. */
function valuesOf(
  config: ForecasterConfig,
  windows: readonly Window[],
  batch: number,
  part: 'context' | 'horizon',
): Float32Array {
  const { series } = config;
  const values = new Float32Array(config[part] * batch * series);
  for (const [lane, { source, at }] of windows.entries()) {
    const first = part === 'context' ? at - config.context : at;
    for (let row = 0; row < config[part]; row++) {
      const from = (first + row) * series;
      values.set(source.subarray(from, from + series), (row * batch + lane) * series);
    }
  }
  return values;
}
