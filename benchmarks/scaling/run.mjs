// How a step grows with workers, servers, parameters and the network, in every mode and codec: writes docs/scaling.md
// and docs/scaling.svg from benchmarks/scaling/results.json, which --simulate makes anew (half an hour). Build first.
//   node benchmarks/scaling/run.mjs [--simulate] [--workers 2,4,8,16,32,64,128,256]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { document } from './document.mjs';
import { codecs, linkOf, measureCodec, simulate } from './model.mjs';
import { plot } from './plot.mjs';

const { values: flags } = parseArgs({
  options: {
    simulate: { type: 'boolean', default: false },
    workers: { type: 'string', default: '2,4,8,16,32,64,128,256' },
  },
});
const place = (name) => fileURLToPath(new URL(name, import.meta.url));
const stored = place('results.json');

/** One server, or one for each eight workers. */
const serversOf = (workers) => Math.max(1, workers / 8);

async function sweep() {
  const costs = Object.fromEntries(Object.entries(codecs).map(([name, codec]) => [name, measureCodec(codec)]));
  const ways = [
    ...Object.keys(codecs).map((codec) => ({ mode: 'sync', codec })),
    ...['ssp', 'async', 'local'].map((mode) => ({ mode, codec: 'float32' })),
    { mode: 'local', codec: 'int8' },
  ];
  const runs = [];
  for (const workers of flags.workers.split(',').map(Number)) {
    for (const gigabits of [1, 10, 100]) {
      const oneServer = { mode: 'sync', codec: 'float32', servers: 1 };
      for (const way of [...ways.map((each) => ({ ...each, servers: serversOf(workers) })), oneServer]) {
        if (runs.some((run) => isSame(run, { workers, gigabits, ...way }))) continue;
        const run = await simulate({ ...way, workers, link: linkOf(gigabits), costs: costs[way.codec] });
        runs.push({ workers, gigabits, ...way, ...run });
        console.log(JSON.stringify(runs.at(-1)));
      }
    }
  }
  return { costs, runs };
}

function isSame(a, b) {
  return ['workers', 'gigabits', 'mode', 'codec', 'servers'].every((field) => a[field] === b[field]);
}

if (flags.simulate || !existsSync(stored)) writeFileSync(stored, `${JSON.stringify(await sweep())}\n`);
const results = JSON.parse(readFileSync(stored, 'utf8'));
writeFileSync(place('../../docs/scaling.svg'), plot(results));
writeFileSync(place('../../docs/scaling.md'), document(results));
