import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UnrollError } from '../../errors.js';
import { temporaryFolder } from '../../testing/unroll-process.js';
import { readTimeSeries, type TimeSeriesFile } from './csv.js';
import { requireEqualIntervals } from './intervals.js';

function read(text: string): TimeSeriesFile {
  using folder = temporaryFolder();
  const path = join(folder.path, 'a.csv');
  writeFileSync(path, text);
  try {
    return readTimeSeries(path);
  } catch (error) {
    throw new UnrollError((error as Error).message.replaceAll(`${folder.path}/`, ''));
  }
}

const plain = read('date,a,b\n2016-07-01 00:00:00,1,2.5\n2016-07-01 01:00:00,-3,4e1\n');

test('a table has names, times in milliseconds and values row after row', () => {
  expect(plain.names).toEqual(['a', 'b']);
  expect(plain.times).toEqual([Date.UTC(2016, 6, 1, 0), Date.UTC(2016, 6, 1, 1)]);
  expect([...plain.values]).toEqual([1, 2.5, -3, 40]);
});

test.each([
  ['lines of Windows and a byte-order mark', '\uFEFFdate,a,b\r\n2016-07-01 00:00,1,2.5\r\n2016-07-01 01:00,-3,40\r\n'],
  ['quotes', '"date","a","b"\n"2016-07-01 00:00:00","1","2.5"\n"2016-07-01 01:00:00","-3","40"\n'],
  ['blank lines', '\ndate,a,b\n2016-07-01T00:00:00,1,2.5\n\n2016-07-01T01:00:00,-3,40\n\n\n'],
  ['semicolons and decimal commas', 'date;a;b\n2016-07-01 00:00;1;2,5\n2016-07-01 01:00;-3;40,0\n'],
  ['tabs', 'date\ta\tb\n2016-07-01 00:00\t1\t2.5\n2016-07-01 01:00\t-3\t40\n'],
  ["pandas' index", ',date,a,b\n0,2016-07-01 00:00:00,1,2.5\n1,2016-07-01 01:00:00,-3,40.0\n'],
  ["pandas' index of times", ',a,b\n2016-07-01 00:00:00+00:00,1,2.5\n2016-07-01 01:00:00+00:00,-3,40.0\n'],
])('%s are read', (_, text) => {
  const { names, times, values } = read(text);
  expect({ names, times, values }).toEqual({ names: plain.names, times: plain.times, values: plain.values });
});

test('columns may be named by numbers, and missing values are NaN', () => {
  const { names, values } = read('date,0,1\n2016-07-01,NaN,1\n2016-07-02,,NA\n');
  expect(names).toEqual(['0', '1']);
  expect([...values]).toEqual([Number.NaN, 1, Number.NaN, Number.NaN]);
});

test.each([
  ['no header', '2016-07-01,1\n2016-07-02,2\n', 'a.csv:1: is a row of values, not a header'],
  ['one column', 'date\n2016-07-01\n', 'a.csv:1: names one column'],
  ['a column without a name', 'date,a,\n2016-07-01,1,2\n', 'a.csv:1: column 3 has no name'],
  ['no rows', 'date,a\n', 'a.csv: has a header and no rows'],
  ['a cut row', 'date,a,b\n2016-07-01,1,2\n\n2016-07-02,1\n', 'a.csv:4: has 2 fields, the header names 3'],
  ['a word', 'date,a,b\n2016-07-01,1,two\n', "a.csv:2: column 'b': 'two' is not a finite number"],
  ['a hexadecimal number', 'date,a\n2016-07-01,0x10\n', "column 'a': '0x10' is not a finite number"],
  ['an infinite number', 'date,a\n2016-07-01,1e999\n', "column 'a': '1e999' is not a finite number"],
  ['a thousand with its comma', 'date,a\n2016-07-01,"1,000"\n', "column 'a': '1,000' is not a finite number"],
  ['an open quote', 'date,a\n"2016-07-01,1\n', 'a.csv: is not readable as CSV'],
  ['no time', 'date,a\n2016-07-01,1\n,2\n', 'a.csv:3: the timestamp is missing'],
  ['seconds', 'date,a\n1467331200,1\n', "a.csv:2: '1467331200' is not a timestamp but a number, perhaps of seconds"],
])('%s is refused in one line that says where', (_, text, message) => {
  expect(() => read(text)).toThrow(message);
});

describe('a timestamp', () => {
  const times = (...written: string[]) => read(['t,a', ...written.map((each) => `"${each}",1`)].join('\n')).times;

  test.each([
    ['2016-07-01T02:03:04Z', '2016-07-01T02:03:04Z'],
    ['2016-07-01 02:03:04.250', '2016-07-01T02:03:04.250Z'],
    ['2016-07-01 02:03:04+02:00', '2016-07-01T00:03:04Z'],
    ['2016-07-01 02:03-0530', '2016-07-01T07:33:00Z'],
    ['2016-07-01 02:03 UTC', '2016-07-01T02:03:00Z'],
    ['2016/7/1 2:03', '2016-07-01T02:03:00Z'],
    ['2016.07.01', '2016-07-01T00:00:00Z'],
    ['20160701', '2016-07-01T00:00:00Z'],
    ['2016-07', '2016-07-01T00:00:00Z'],
    ['7/1/2016 12:03:04 AM', '2016-07-01T00:03:04Z'],
    ['7/1/2016 12:03 PM', '2016-07-01T12:03:00Z'],
    ['1-Jul-2016', '2016-07-01T00:00:00Z'],
    ['July 1, 2016 2:03', '2016-07-01T02:03:00Z'],
  ])('%s is %s', (written, instant) => {
    expect(times(written)).toEqual([Date.parse(instant)]);
  });

  test('with the year last begins with its month, unless a row of the column shows that it does not', () => {
    expect(times('01/02/2016')).toEqual([Date.UTC(2016, 0, 2)]);
    expect(times('12.01.2016', '13.01.2016')).toEqual([Date.UTC(2016, 0, 12), Date.UTC(2016, 0, 13)]);
  });

  test.each([
    '2016-02-30',
    '2016-13-01',
    '2016-07-01 24:00',
    '2016-07-01 10:60',
    '1/7/16',
    'noon',
    '1-Foo-2016',
    '2016-07/01',
  ])('%s is none', (written) => {
    expect(() => times(written)).toThrow(`a.csv:2: '${written}' is not a timestamp; write it as 2016-07-01 00:00:00`);
  });
});

describe('rows at equal intervals', () => {
  const check = (...times: string[]) => requireEqualIntervals(read(['t,a', ...times.map((t) => `${t},1`)].join('\n')));

  test.each([
    ['one row', ['2016-07-01']],
    ['hours', ['2016-07-01 22:00', '2016-07-01 23:00', '2016-07-02 00:00']],
    [
      'hours across a clock change, with offsets',
      ['2016-10-30 02:00+02:00', '2016-10-30 02:00+01:00', '2016-10-30 03:00+01:00'],
    ],
    [
      'thirds of a second, rounded',
      ['2016-07-01 0:00:00.000', '2016-07-01 0:00:00.333', '2016-07-01 0:00:00.667', '2016-07-01 0:00:01.000'],
    ],
    ['months', ['2016-01-01', '2016-02-01', '2016-03-01', '2016-04-01']],
    ['ends of months', ['2016-01-31', '2016-02-29', '2016-03-31', '2016-04-30']],
    ['years', ['2015-01-01', '2016-01-01', '2017-01-01']],
  ])('may be %s', (_, times) => {
    expect(() => check(...times)).not.toThrow();
  });

  test.each([
    ['twice', ['2016-07-01', '2016-07-02', '2016-07-02', '2016-07-03'], 'a.csv:4: 2016-07-02 has the time of line 3'],
    ['out of order', ['2016-07-01', '2016-07-03', '2016-07-02', '2016-07-04'], '2016-07-02 is earlier than line 3'],
    [
      'missing',
      ['2016-07-01 0:00', '2016-07-01 1:00', '2016-07-01 3:00', '2016-07-01 4:00'],
      'a.csv:4: 2016-07-01 3:00 comes 2 h 00 min after line 3, most rows 1 h 00 min',
    ],
    [
      'missing by months',
      ['2016-01-01', '2016-02-01', '2016-04-01', '2016-05-01'],
      'a.csv:4: 2016-04-01 comes 2 months after line 3, most rows 1 months',
    ],
    [
      'at weekends only missing',
      ['2016-07-01', '2016-07-04', '2016-07-05', '2016-07-06'],
      'a.csv:3: 2016-07-04 comes 72 h 00 min after',
    ],
  ])('are refused by line where one is %s', (_, times, message) => {
    expect(() => check(...times)).toThrow(message);
  });
});
