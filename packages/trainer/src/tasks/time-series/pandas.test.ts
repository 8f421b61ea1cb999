// Tables that pandas writes in many ways, compared with what pandas itself reads in them.

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../testing/unroll-process.js';
import { readTimeSeries } from './csv.js';

/** Writes tables into the given folder, and prints what pandas reads in each. */
const script = `
import json, sys
import numpy as np, pandas as pd
formats = ['%Y-%m-%d %H:%M:%S', '%Y-%m-%dT%H:%M:%SZ', '%Y/%m/%d %H:%M', '%m/%d/%Y %I:%M:%S %p', '%Y-%m-%d', '%Y%m%d', '%d.%m.%Y',
  '%d-%b-%Y', '%b %d, %Y', '%Y-%m-%d %H:%M:%S.%f', '%Y-%m-%dT%H:%M:%S+02:00', '%Y-%m-%d %H:%M:%S UTC']
rng, tables = np.random.default_rng(1), []
for number, form in enumerate(formats * 3):
    sep, decimal = [(',', '.'), (';', ','), ('\\t', '.')][number // len(formats)]
    times = pd.date_range('2016-01-13 20:00', periods=40, freq='h').strftime(form)
    values = rng.normal(size=(40, 2)) * 10.0 ** rng.integers(-9, 9, (40, 2))
    values[rng.random((40, 2)) < 0.1] = np.nan
    frame = pd.DataFrame({'time': times, 'a': values[:, 0], '1': values[:, 1]})
    path = f'{sys.argv[1]}/{number}.csv'
    style = {'quoting': number % 2, 'index': number % 3 == 0, 'na_rep': ['', 'NaN'][number % 2], 'lineterminator': ['\\n', '\\r\\n'][number % 2]}
    frame.to_csv(path, sep=sep, decimal=decimal, encoding=['utf-8', 'utf-8-sig'][number % 2], **style)
    read = pd.read_csv(path, sep=sep, decimal=decimal, dtype={'time': str}, float_precision='round_trip').iloc[:, -3:]
    instants = [each.timestamp() * 1000 for each in pd.to_datetime(read['time'], utc=True)]
    cells = read.iloc[:, 1:].astype(object).where(read.iloc[:, 1:].notna(), None).values.tolist()
    tables.append({'path': path, 'names': list(read.columns[1:]), 'times': instants, 'values': sum(cells, [])})
print(json.dumps(tables))
`;

interface Table {
  readonly path: string;
  readonly names: string[];
  readonly times: number[];
  readonly values: (number | null)[];
}

const python = ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import pandas']).status === 0);
const reason = python ? 'pandas is here' : 'no python3 here has pandas';

test.skipIf(!python)(`tables have the times and values that pandas reads in them (${reason})`, () => {
  using folder = temporaryFolder();
  const { stdout, stderr } = spawnSync(python!, ['-W', 'ignore', '-c', script, folder.path], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const tables = JSON.parse(stdout) as Table[];
  expect(tables).toHaveLength(36);
  for (const { path, names, times, values } of tables) {
    const series = readTimeSeries(path);
    expect(series.names, path).toEqual(names);
    expect(series.times, path).toEqual(times);
    expect([...series.values], path).toEqual(values.map((value) => value ?? Number.NaN));
  }
});
