import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../testing/unroll-process.js';
import { scaled, scaleOf } from '../time-series/scale.js';
import { windowsWithin, windowTraining } from '../time-series/windows.js';
import { readMeasurements, rowsOf } from './measurements.js';
import { rowsOfADay, seasonalNaive } from './seasonal-naive.js';
import { forecast } from './task.js';

const series = { names: ['a', 'b'], times: [0, 1, 2], values: Float64Array.from([1, 5, 2, 5, 6, 5]) };
const config = { series: 2, context: 2, horizon: 1, hiddenDim: 3, dropout: 0.5 };

describe('scaling', () => {
  test('uses the mean and deviation of the given rows, and does not stretch a constant series', () => {
    const scale = scaleOf(series, 0, 2);
    expect(scale).toEqual({ mean: [1.5, 5], deviation: [0.5, 1] });
    expect([...scaled(series, scale)]).toEqual([-1, 0, 1, 0, 9, 0]);
  });
});

describe('windows', () => {
  const source = Float32Array.from({ length: 40 }, (_, k) => k);

  test('have their horizon in the part, and their context before it if there are rows', () => {
    expect(windowsWithin(source, { from: 10, to: 13 }, config).map(({ at }) => at)).toEqual([10, 11, 12]);
    expect(windowsWithin(source, { from: 0, to: 5 }, { ...config, horizon: 2 }).map(({ at }) => at)).toEqual([2, 3]);
    expect(windowsWithin(source, { from: 0, to: 2 }, config)).toEqual([]);
  });

  test('with a missing value in context or horizon are left out, and scales do not count it', () => {
    const gap = source.slice();
    gap[2 * 5 + 1] = Number.NaN;
    expect(windowsWithin(gap, { from: 0, to: 10 }, config).map(({ at }) => at)).toEqual([2, 3, 4, 8, 9]);
    const values = Float64Array.from([1, Number.NaN, 3, Number.NaN]);
    expect(scaleOf({ ...series, values }, 0, 2)).toEqual({ mean: [2, 0], deviation: [1, 1] });
  });

  const settings = { ...forecast.defaults, batchSize: 4 };
  const training = windowTraining(config, windowsWithin(source, { from: 2, to: 12 }, config), settings);
  const batches = training.batchesOf({ from: 0, to: 4 });
  const inputsAt = (batch: number) => batches.batchAt(batch).fill();

  test('come once an epoch, in an order and with masks that are functions of the step', () => {
    expect(training.examples).toBe(10);
    expect(batches.batchesPerEpoch).toBe(3);
    const epoch = [0, 1, 2].map(inputsAt);
    const futures = epoch.flatMap(({ future }, k) => [...future!].slice(0, 2 * training.countOf(k)));
    expect(futures.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, k) => 4 + k));
    expect(inputsAt(1)).toEqual(epoch[1]);
    expect(inputsAt(4).future).not.toEqual(epoch[1]!.future);
  });

  test('that fill a batch up count nothing', () => {
    expect([...inputsAt(2).weights!]).toEqual([0.5, 0.5, 0, 0]);
  });

  test('are dealt to workers as lanes, with the weights and masks that one process gives them', () => {
    const whole = inputsAt(2);
    const part = (from: number) =>
      training
        .batchesOf({ from, to: from + 2 })
        .batchAt(2)
        .fill();
    expect([...part(0).weights!, ...part(2).weights!]).toEqual([...whole.weights!]);
    expect([...part(0)['dropout.0']!, ...part(2)['dropout.0']!]).toEqual([...whole['dropout.0']!]);
    const alone = training.batchesOf({ from: 1, to: 3 }, true).batchAt(2);
    expect([...alone.fill().weights!]).toEqual([1, 0]);
    expect(alone.lossesOf({ loss: Float32Array.of(3) })).toEqual({
      sums: Float64Array.of(3, 0),
      counts: Float64Array.of(1, 0),
    });
  });

  test('are laid out step by step', () => {
    const { window, future } = inputsAt(0);
    const [first, second] = [window!.slice(0, 2), window!.slice(8, 10)];
    expect([...second]).toEqual([...first].map((value) => value + 2));
    expect([...future!.slice(0, 2)]).toEqual([...first].map((value) => value + 4));
  });
});

describe('the seasonal-naive forecast', () => {
  test('is what was a season ago, and beyond one season what was the last season known', () => {
    const values = Float32Array.from({ length: 10 }, (_, k) => 10 * k);
    expect([...seasonalNaive(values, 6, { season: 3, horizon: 4, series: 1 })]).toEqual([30, 40, 50, 30]);
  });

  test.each([
    ['2016-07-01 00:00:00', '2016-07-01 01:00:00', 24],
    ['2016-07-01 00:00:00', '2016-07-01 00:15:00', 96],
    ['2016-07-01', '2016-07-02', 1],
    ['2016-07-01 00:00:00', '2016-07-08 00:00:00', 1],
  ])('of rows at %s and %s has a season of %d', (first, second, rows) => {
    expect(rowsOfADay([Date.parse(first), Date.parse(second)])).toBe(rows);
  });
});

describe('measurements', () => {
  const lines = Array.from({ length: 10 }, (_, hour) => `2020-01-01 0${hour}:00:00,${hour}`);

  test('are cut by time: 60 % for training, 20 % for validation, the rest for test', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'load.csv'), `date,load\n${lines.join('\n')}\n`);
    const measurements = readMeasurements(folder.path);
    expect(rowsOf(measurements, 'train')).toEqual({ from: 0, to: 6 });
    expect(rowsOf(measurements, 'valid')).toEqual({ from: 6, to: 8 });
    expect(rowsOf(measurements, 'test')).toEqual({ from: 8, to: 10 });
  });

  test('in a folder of several files are refused, because each is another task', () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'data'));
    for (const name of ['a.csv', 'b.csv']) writeFileSync(join(folder.path, 'data', name), 'date,load\n');
    expect(() => readMeasurements(join(folder.path, 'data'))).toThrow('holds 2 CSV files; give the one to forecast');
  });

  test('out of order, twice or at unequal intervals are refused by their line', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'load.csv');
    writeFileSync(path, `date,load\n${[...lines.slice(0, 5), ...lines.slice(4)].join('\n')}\n`);
    expect(() => readMeasurements(path)).toThrow(`${path}:7: 2020-01-01 04:00:00 has the time of line 6; keep one row`);
  });

  test('that lack columns of the model are refused', async () => {
    const model = forecast.model(await forecast.configure('sample', forecast.defaults));
    using folder = temporaryFolder();
    const path = join(folder.path, 'load.csv');
    writeFileSync(path, `date,load\n${lines.join('\n')}\n`);
    await expect(model.heldOutData(path, 'test')).rejects.toThrow(
      `${path}: has the columns load, the model forecasts load, temperature; give data with the same columns`,
    );
  });

  test('that are shorter than context and horizon are refused', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'load.csv');
    writeFileSync(path, `date,load\n${lines.join('\n')}\n`);
    const model = forecast.model(await forecast.configure(path, forecast.defaults));
    await expect(model.heldOutData(path, 'test')).rejects.toThrow(
      `${path}: its test part is too short for 96 rows of context and 24 of horizon; give more rows, or a smaller --context`,
    );
  });

  const data = join(process.env.UNROLL_DATA ?? '../shared/data', 'ett');
  test.skipIf(!existsSync(data))(`of ETTh1 are cut as published (skipped without ${data})`, () => {
    const measurements = readMeasurements(data);
    expect(measurements.times).toHaveLength(17420);
    expect(rowsOf(measurements, 'test')).toEqual({ from: 11520, to: 14400 });
    expect(measurements.names.at(-1)).toBe('OT');
  });
});
