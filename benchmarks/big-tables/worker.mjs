// A worker of the benchmark. It trains a language model with tied weights and a sampled softmax, on a synthetic text
// that follows Zipf's law, and holds only the table rows of its batch. One JSON line: seconds and bytes of a step, the
// number of rows that it looks up, its peak memory in MB, its losses.
//   usage: worker.mjs WORKER '{"ports": [...], "steps": 20, ...}'
import { languageModelConfig, parameterShapes, uniformParameters } from '@unroll/core';
import { seededRandom } from '@unroll/core/decoding';
import { trainableLanguageModel } from '@unroll/core/internal';
import { connectParameterServers, WorkerMeter } from '@unroll/param-server/client';
import { selectEngine } from '@unroll/trainer';
import { LaneBatches } from '../../packages/trainer/dist/data/batches.js';
import { LanguageModelBatches } from '../../packages/trainer/dist/training/language-model/language-model-batches.js';
import { rowTables } from '../../packages/trainer/dist/training/language-model/row-tables.js';
import { DistributedLearner } from '../../packages/trainer/dist/training/learners/distributed-learner.js';
import { laneWidth } from '../../packages/trainer/dist/training/learners/lane-states.js';

const worker = Number(process.argv[2]);
const { ports, workers, steps, vocabSize, dim, samples, lanes, time, optimizer } = JSON.parse(process.argv[3]);
const config = languageModelConfig({
  ...{ vocabSize, embeddingDim: dim, hiddenDim: dim, tieWeights: true },
  softmax: { name: 'sampled', samples },
});
const model = trainableLanguageModel(config);
const training = {
  ...{ batchSize: lanes, sequenceLength: time, seed: 1, clipNorm: 1, lossNormalization: 'token' },
  ...{ tables: 'rows', mode: { name: 'sync' }, gradientCodec: { name: 'float32' }, optimizer },
};

/** Draws words by Zipf's law: the logarithm of the rank is uniform. */
function zipfText(length) {
  const random = seededRandom(1);
  return Int32Array.from({ length }, () => Math.min(Math.floor((vocabSize + 1) ** random()) - 1, vocabSize - 1));
}

/** Returns values for a row. They are cheap to make; the measurements do not depend on them. */
function startOfRow(row, into) {
  for (let k = 0; k < into.length; k++) into[k] = (((row * 31 + k * 17) % 1021) / 1021 - 0.5) / 10;
}

const shapes = parameterShapes(config);
const byRows = rowTables(config, training);
const tables = byRows.names;
const dense = Object.fromEntries(Object.entries(shapes).filter(([name]) => !tables.has(name)));
const meter = new WorkerMeter();
const client = connectParameterServers({
  serverAddresses: ports.map((port) => `127.0.0.1:${port}`),
  ...{ worker, workers, version: 'benchmark', optimizer, clipNorm: training.clipNorm, meter },
  parameters: Object.entries(shapes).map(([name, shape]) => ({ name, shape, byRows: tables.has(name) })),
  lanes: { count: lanes, width: laneWidth(model) },
  run: 'big tables',
  start: {
    values: async () => ({
      parameters: uniformParameters(dense, { seed: 1, range: 0.05 }),
      tables: Object.fromEntries([...tables].map((name) => [name, startOfRow])),
    }),
  },
});
const text = zipfText(lanes * time * (steps + 1) + 1);
const batchesOf = (slice) =>
  new LanguageModelBatches({
    ...{ model: config, training, lanes: slice },
    text: new LaneBatches(text, { lanes, window: time, slice }),
  });
const engine = await selectEngine('onnxruntime', 1);
const options = { engine, model, training, batchesOf, tables: byRows };
const learner = await DistributedLearner.create(options, client, meter);

const counted = () => ({ sent: meter.counts[6], received: meter.counts[7] });
const before = counted();
const began = performance.now();
const losses = [];
while (learner.nextStep < steps) {
  const learningRate = optimizer.name === 'sgd' ? 1 : 0.001;
  for (const { lossSum, count } of await learner.step([{ learningRate }])) losses.push(lossSum / count);
}
const seconds = (performance.now() - began) / 1000 / steps;
const after = counted();
await learner.finish();
await client.close();
await learner.dispose();
console.log(
  JSON.stringify({
    seconds,
    sent: (after.sent - before.sent) / steps,
    received: (after.received - before.received) / steps,
    peak: process.resourceUsage().maxRSS / 1e3,
    losses,
  }),
);
