// Forecasts the values that follow the measurements in a CSV file, with a bundle of `unroll train --task forecast`:
//   node examples/forecasting/forecast.mjs BUNDLE FILE.csv
import { readFile } from 'node:fs/promises';
import { loadForecaster } from '@unroll/edge-runtime';

const [bundle, file] = process.argv.slice(2);
if (!bundle || !file) {
  console.error('usage: node forecast.mjs BUNDLE FILE.csv');
  process.exit(2);
}
const [, ...lines] = (await readFile(file, 'utf8')).trim().split('\n');
const rows = lines.map((line) => line.split(',').slice(1).map(Number));
const forecaster = await loadForecaster(bundle);
console.log(['step', ...forecaster.names].join(','));
for (const [step, values] of (await forecaster.forecast(rows)).entries()) {
  console.log([step + 1, ...values.map((value) => value.toFixed(3))].join(','));
}
await forecaster.dispose();
