import { writeFileSync } from 'node:fs';
import { loadAnomalyDetector, loadForecaster, loadSpeechRecognizer } from '@unroll/edge-runtime';
import { afterAll, describe, expect, test } from 'vitest';
import { probationaryRows } from '../tasks/anomaly/nab-score.js';
import { sampleSignals } from '../tasks/anomaly/sample-signals.js';
import { readMeasurements, rowsOf } from '../tasks/forecast/measurements.js';
import { sampleUtterances } from '../tasks/speech/sample-utterances.js';
import type { TimeSeries } from '../tasks/time-series/csv.js';
import { example } from '../testing/example-program.js';
import { temporaryFolder, unroll, unrollJson } from '../testing/unroll-process.js';
import { encodeWav } from '../testing/wav.js';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

/** Writes a series to a CSV file; returns its path. */
function writeCsv({ names, times, values }: TimeSeries, rows: number): string {
  const path = `${folder.path}/${names.join('-')}.csv`;
  const line = (k: number) =>
    [new Date(times[k]!).toISOString(), ...values.slice(k * names.length, (k + 1) * names.length)].join(',');
  writeFileSync(path, `time,${names}\n${Array.from({ length: rows }, (_, k) => `${line(k)}\n`).join('')}`);
  return path;
}

/** Trains on the generated sample, evaluates and exports. Returns the bundle's address and the output of eval. */
async function trained(task: string, ...flags: readonly string[]) {
  const [run, bundle] = [`${folder.path}/${task}`, `${folder.path}/${task}-bundle`];
  await unrollJson('train', '--task', task, '--data', 'sample', '--out', run, '--threads', '1', ...flags);
  const { metrics } = await unrollJson('eval', '--checkpoint', run, '--data', 'sample', '--threads', '1');
  await unrollJson('export', '--checkpoint', run, '--out', bundle);
  return { bundle, metrics: metrics as Record<string, number> };
}

describe('unroll train --task', () => {
  test('speech learns letters that are tones, and its bundle spells what it hears', async () => {
    const { bundle, metrics } = await trained(
      'speech',
      '--hidden-dim',
      '24',
      '--epochs',
      '14',
      '--learning-rate',
      '0.006',
    );
    expect(metrics.wer).toBeLessThan(0.2);
    await using recognizer = await loadSpeechRecognizer(bundle);
    const utterances = sampleUtterances('test').slice(0, 10);
    const words: string[] = [];
    for (const { samples } of utterances) words.push((await recognizer.recognize(samples)).word);
    const wrong = utterances.filter(({ transcript }, k) => words[k] !== transcript);
    expect(wrong.length).toBeLessThan(4);
    await expect(recognizer.recognize(new Float32Array(10))).rejects.toThrow('shorter than a frame');
    const heard = utterances.findIndex(({ transcript }, k) => words[k] === transcript);
    const recording = `${folder.path}/spoken.wav`;
    writeFileSync(recording, encodeWav(utterances[heard]!.samples, recognizer.sampleRate));
    const printed = await example('speech/recognize.mjs', bundle, recording);
    expect(printed).toMatch(new RegExp(`^${recording}: ${words[heard]} \\(heard: \\w+\\)\n$`));
  });

  test('forecast learns waves, and its bundle forecasts measurements in their own units', async () => {
    const { bundle, metrics } = await trained(
      'forecast',
      '--context',
      '30',
      '--horizon',
      '6',
      '--hidden-dim',
      '16',
      '--learning-rate',
      '0.01',
    );
    expect(metrics.mse).toBeLessThan(metrics.seasonalNaiveMse!);
    await using forecaster = await loadForecaster(bundle);
    const measurements = readMeasurements('sample');
    const { from } = rowsOf(measurements, 'test');
    const row = (k: number) => [...measurements.values.slice(2 * k, 2 * k + 2)];
    const past = Array.from({ length: 30 }, (_, k) => row(from - 30 + k));
    const forecast = await forecaster.forecast(past);
    expect(forecast).toHaveLength(6);
    for (const [k, values] of forecast.entries()) {
      for (const [column, value] of values.entries()) expect(Math.abs(value - row(from + k)[column]!)).toBeLessThan(1);
    }
    const printed = await example('forecasting/forecast.mjs', bundle, writeCsv(measurements, from));
    expect(printed.split('\n').slice(0, 2)).toEqual([
      'step,load,temperature',
      `1,${forecast[0]!.map((value) => value.toFixed(3))}`,
    ]);
    await expect(forecaster.forecast(past.slice(1))).rejects.toThrow('a forecast needs 30 rows, got 29');
  });

  test('anomaly finds the disturbances of waves, and so does its bundle', async () => {
    const { bundle, metrics } = await trained('anomaly', '--context', '24', '--hidden-dim', '12', '--epochs', '20');
    expect(metrics.recall).toBeGreaterThan(0.6);
    await using detector = await loadAnomalyDetector(bundle);
    const signal = sampleSignals()[0]!;
    const { values, windows, times } = signal;
    const scores = await detector.scores([...values.slice(0, 800)], probationaryRows(values.length));
    const [{ from, to }] = windows as [{ from: number; to: number }];
    const highest = scores.indexOf(Math.max(...scores));
    expect(highest).toBeGreaterThanOrEqual(from);
    expect(highest).toBeLessThanOrEqual(to);
    const normal = String(probationaryRows(values.length));
    const printed = await example('anomaly-detection/watch.mjs', bundle, writeCsv(signal, 800), normal);
    const alarms = printed.trimEnd().split('\n');
    const rows = alarms.map((line) => times.indexOf(Date.parse(`${line.slice(0, 19)}Z`)));
    expect(rows.every((row) => row >= probationaryRows(values.length))).toBe(true);
  });

  test('is not resumed on other measurements unasked', async () => {
    const train = [
      'train',
      '--task',
      'forecast',
      '--context',
      '24',
      '--horizon',
      '4',
      '--hidden-dim',
      '4',
      '--threads',
      '1',
    ];
    const [data, out] = [writeCsv(readMeasurements('sample'), 600), `${folder.path}/grown`];
    await unrollJson(...train, '--data', data, '--out', out, '--max-steps', '2');
    writeCsv(readMeasurements('sample'), 700);
    const resume = [...train, '--data', data, '--out', out, '--max-steps', '3', '--resume'];
    const line = /^(unroll: )?--data: holds other training examples than those of \S+grown \(\d+, then \d+\)/;
    const refused = await unroll(...resume);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(line);
    expect(refused.stderr).toMatch(/; give the same, or --changed-data to go on with these\n$/);
    const { status, stderr } = await unroll(...resume, '--changed-data');
    expect(status).toBe(0);
    expect(stderr).toMatch(line);
  });

  test.each([
    [['train', '--data', 'grammar', '--out', 'x', '--horizon', '3'], '--horizon: is for --task; leave it out'],
    [
      ['train', '--task', 'speech', '--data', 'sample', '--out', 'x', '--horizon', '3'],
      '--horizon: --task speech has no such size, but --hidden-dim, --dropout; leave it out',
    ],
  ])('%j is wrong usage', async (args, message) => {
    const { status, stderr } = await unroll(...args);
    expect(stderr).toBe(`unroll: ${message}\n`);
    expect(status).toBe(2);
  });
});
