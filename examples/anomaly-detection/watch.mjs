// Lists the times at which a signal behaved unexpectedly, with a bundle of `unroll train --task anomaly`:
//   node examples/anomaly-detection/watch.mjs BUNDLE FILE.csv NORMAL
// NORMAL is the number of normal rows at the beginning. 1 % of their scores exceed the threshold; after an alarm, the
// next 200 rows raise none.
import { readFile } from 'node:fs/promises';
import { loadAnomalyDetector } from '@unroll/edge-runtime';

const [bundle, file, normal] = process.argv.slice(2);
if (!bundle || !file || !(Number(normal) >= 2)) {
  console.error('usage: node watch.mjs BUNDLE FILE.csv NORMAL');
  process.exit(2);
}
const [, ...lines] = (await readFile(file, 'utf8')).trim().split('\n');
const rows = lines.map((line) => line.split(','));
const detector = await loadAnomalyDetector(bundle);
const scores = await detector.scores(
  rows.map(([, value]) => Number(value)),
  Number(normal),
);
const ascending = scores.slice(0, Number(normal)).toSorted((a, b) => a - b);
const threshold = ascending[Math.floor(0.99 * (ascending.length - 1))];
let silentUntil = Number(normal);
for (const [row, score] of scores.entries()) {
  if (row < silentUntil || score <= threshold) continue;
  console.log(`${rows[row][0]}: ${rows[row][1]} (score ${score.toFixed(1)})`);
  silentUntil = row + 200;
}
await detector.dispose();
