import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UnrollError } from '../../errors.js';
import { temporaryFolder } from '../../testing/unroll-process.js';
import { alarmsOf, bestThreshold, calibratedThreshold, detectionAt } from './detection.js';
import { nabScore, probationaryRows, rawNabScore } from './nab-score.js';
import { sampleSignals } from './sample-signals.js';
import type { Signal } from './signal.js';
import { irregularities, labelsFile, readSignals } from './signals.js';

const window = (from: number, to: number) => ({ from, to });

/**
 * Rows at which Numenta's detector exceeded its threshold, and the scores that the benchmark published for it
 * (github.com/numenta/NAB at ea702d75, results/numenta, standard profile).
 */
const published = [
  {
    name: 'ec2_request_latency_system_failure',
    rows: 4032,
    windows: [window(2014, 2148), window(3328, 3462), window(3956, 4031)],
    detected: [2, 41, 50, 54, 338, 522, 833, 934, 1296, 2081, 2082, 3391, 3394, 3395, 4023, 4024],
    score: 1.70586905384,
  },
  {
    name: 'ambient_temperature_system_failure',
    rows: 7267,
    windows: [window(3540, 3902), window(5999, 6361)],
    detected: [3, 91, 208, 330, 354, 1131, 1209, 1800, 1820, 1825, 3697, 3698, 3752, 5058],
    score: -0.758599859273,
  },
  {
    name: 'rogue_agent_key_hold',
    rows: 1882,
    windows: [window(669, 763), window(1240, 1334)],
    detected: [2, 3, 4, 5, 6, 17, 46, 53, 75, 152, 333, 432, 1331],
    score: -1.11370102385,
  },
];

describe('the benchmark’s score', () => {
  test.each(published)('of $name is the published one', ({ score, ...detections }) => {
    expect(rawNabScore(detections)).toBeCloseTo(score, 10);
  });

  test('is 100 for a detection at the start of every window and 0 for none', () => {
    const [first, second] = [window(300, 400), window(500, 520)];
    const signal = { rows: 1000, windows: [first, second] };
    expect(nabScore([{ ...signal, detected: [300, 500] }])).toBeCloseTo(100, 10);
    expect(nabScore([{ ...signal, detected: [] }])).toBe(0);
  });

  test.each([
    [1000, 150],
    [1003, 150],
    [22_695, 750],
  ])('of %d rows counts nothing in the first %d', (rows, probation) => {
    expect(probationaryRows(rows)).toBe(probation);
    expect(rawNabScore({ rows, windows: [], detected: [probation - 1] })).toBe(0);
    expect(rawNabScore({ rows, windows: [], detected: [probation] })).toBeCloseTo(-0.11, 10);
  });
});

describe('alarms', () => {
  test('of one event are one: after an alarm there is silence for a while', () => {
    const scores = Array<number>(500).fill(0);
    for (const row of [100, 101, 250, 301, 302]) scores[row] = 5;
    expect(alarmsOf(scores, 4)).toEqual([100, 301]);
    expect(alarmsOf(scores, 5)).toEqual([]);
  });

  const signal: Signal = {
    ...sampleSignals()[0]!,
    windows: [window(400, 420), window(900, 950)],
  };
  const scores = Array.from({ length: 1500 }, (_, row) => (row < 225 ? row / 225 : 0));
  scores[410] = 6;
  scores[700] = 3;
  const scored = [{ signal, scores }];

  test('are judged by how many are in windows, and how many windows have one', () => {
    const { precision, recall, f1, alarms } = detectionAt(scored, 2);
    expect({ precision, recall, f1, alarms }).toEqual({ precision: 0.5, recall: 0.5, f1: 0.5, alarms: 2 });
  });

  test('have a threshold that 1 % of the rows to learn from pass', () => {
    const threshold = calibratedThreshold(scored);
    expect(scores.slice(0, 225).filter((score) => score > threshold)).toHaveLength(3);
  });

  test('have a best threshold, for those who know the labels', () => {
    expect(detectionAt(scored, bestThreshold(scored)).alarms).toBe(1);
  });
});

describe('a folder of signals', () => {
  const csv = 'timestamp,value\n2014-07-01 00:00:00,1\n2014-07-01 00:05:00,2\n2014-07-01 00:10:00,3\n';
  const labels = { 'realKnownCause/a.csv': [['2014-07-01 00:05:00.000000', '2014-07-01 00:10:00.000000']] };

  function read(files: Readonly<Record<string, string>>): Signal[] {
    using folder = temporaryFolder();
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
    try {
      return readSignals(folder.path);
    } catch (error) {
      throw new UnrollError((error as Error).message.replaceAll(`${folder.path}/`, ''));
    }
  }

  test('has the rows that its labels name', () => {
    const [signal] = read({ 'a.csv': csv, [labelsFile]: JSON.stringify(labels) });
    expect(signal!.name).toBe('a');
    expect([...signal!.values]).toEqual([1, 2, 3]);
    expect(signal!.windows).toEqual([window(1, 2)]);
  });

  test('keeps rows as they are and names the first irregular one', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'a.csv'), csv);
    expect(irregularities(folder.path)).toEqual([]);
    writeFileSync(join(folder.path, 'a.csv'), `${csv}2014-07-01 00:05:00,4\n`);
    expect(irregularities(folder.path)).toEqual([
      expect.stringContaining("a.csv:5: 2014-07-01 00:05:00 does not follow the row before it at the others' interval"),
    ]);
  });

  test.each([
    [
      'without labels',
      { 'a.csv': csv },
      `${labelsFile}: no such file; it says in which windows the signals have anomalies`,
    ],
    [
      'with labels of other signals',
      { 'a.csv': csv, [labelsFile]: '{}' },
      `${labelsFile}: does not name a.csv; give its windows, or []`,
    ],
    [
      'with labels at other times',
      { 'a.csv': csv, [labelsFile]: '{"a.csv":[["2015-01-01 00:00:00","2015-01-01 00:00:00"]]}' },
      `${labelsFile}: a.csv has no row at 2015-01-01 00:00:00; do the two belong together?`,
    ],
    [
      'with labels that are no windows',
      { 'a.csv': csv, [labelsFile]: '{"a.csv":["2015-01-01 00:00:00"]}' },
      /^combined_windows\.json: a\.csv\.0: .*; it needs \[start, end\] of each window$/,
    ],
    [
      'with a value that is missing',
      { 'a.csv': csv.replace('2\n', '\n'), [labelsFile]: JSON.stringify(labels) },
      "a.csv:3: column 'value' has no value; fill it in, for example with pandas' interpolate(), or remove the row",
    ],
    [
      'with a row that is cut off',
      { 'a.csv': `${csv}2014-07-01`, [labelsFile]: JSON.stringify(labels) },
      'a.csv:5: has 1 fields, the header names 2',
    ],
    [
      'with times that are none',
      { 'a.csv': csv.replace('2014-07-01 00:05:00', 'noon'), [labelsFile]: JSON.stringify(labels) },
      "a.csv:3: 'noon' is not a timestamp; write it as 2016-07-01 00:00:00",
    ],
    [
      'without a header',
      { 'a.csv': csv.replace('timestamp,value\n', ''), [labelsFile]: JSON.stringify(labels) },
      "a.csv:1: is a row of values, not a header; put a line that names the columns first: 'timestamp,value'",
    ],
  ])('%s is refused in one line that says where', (_, files, message) => {
    expect(() => read(files)).toThrow(message);
  });

  const data = join(process.env.UNROLL_DATA ?? '../shared/data', 'nab');
  test.skipIf(!existsSync(data))(`of the real benchmark is read whole (skipped without ${data})`, () => {
    const signals = readSignals(data);
    expect(signals.map(({ times }) => times.length)).toEqual([7267, 18050, 4032, 22695, 10320, 1882, 5315]);
    expect(signals.map(({ windows }) => windows.length)).toEqual([2, 1, 3, 4, 5, 2, 2]);
  });
});
