// One of the workers that train PTB medium through a parameter server, with one thread, as `unroll worker` does. One
// JSON line: milliseconds of a step, and of its parts.
//   usage: worker.mjs HOST:PORT WORKER STEPS overlap|one-by-one BATCH WORKERS
import { initialParameters, languageModelConfig } from '@unroll/core';
import { trainableLanguageModel } from '@unroll/core/internal';
import { WorkerMeter } from '@unroll/param-server/client';
import { selectEngine } from '@unroll/trainer';
import { ParameterClient } from '../../packages/param-server/dist/client/client.js';
import { MeteredConnection } from '../../packages/param-server/dist/client/metered-connection.js';
import { reportFields } from '../../packages/param-server/dist/metrics/worker-meter.js';
import { LanguageModelBatches } from '../../packages/trainer/dist/training/language-model/language-model-batches.js';
import { DistributedLearner } from '../../packages/trainer/dist/training/learners/distributed-learner.js';
import { laneWidth } from '../../packages/trainer/dist/training/learners/lane-states.js';

const [address, worker, steps, how, batchSize, count] = process.argv.slice(2);
const [workers, batch, time] = [Number(count), Number(batchSize), 35];
const config = languageModelConfig({ vocabSize: 10_000, embeddingDim: 650, hiddenDim: 650, layers: 2, cell: 'lstm' });
const model = trainableLanguageModel(config);
const training = {
  mode: { name: 'sync' },
  gradientCodec: { name: 'float32' },
  optimizer: { name: 'sgd' },
  clipNorm: 0.25,
  batchSize: batch * workers,
  sequenceLength: time,
  lossNormalization: 'token',
  seed: 0,
};

const engine = await selectEngine('onnxruntime', 1);
// The ids need only be spread over the vocabulary; the multiplier is coprime to its size.
const rows = batch * time;
const ids = Int32Array.from({ length: rows }, (_, k) => ((k + Number(worker) * rows) * 7919) % config.vocabSize);
const everyBatch = { ids, targets: ids.toReversed(), steps: time, lanes: batch, resetState: false };
const text = { stepsPerEpoch: 1e6, batchAt: () => everyBatch };
const batchesOf = (lanes) => new LanguageModelBatches({ model: config, training, lanes, text });
const overlaps = how === 'overlap';
const options = { engine, model, training, overlaps, batchesOf };

const meter = new WorkerMeter();
const client = new ParameterClient(
  {
    worker: Number(worker),
    workers,
    version: 'benchmark',
    parameters: Object.entries(model.parameters).map(([name, shape]) => ({ name, shape })),
    optimizer: training.optimizer,
    clipNorm: training.clipNorm,
    lanes: { count: training.batchSize, width: laneWidth(model) },
    run: 'overlap',
    start: { values: async () => ({ parameters: initialParameters(config, { seed: 0 }) }) },
  },
  {
    connections: [new MeteredConnection({ address, shard: 0, shards: 1, callSeconds: 60, patienceSeconds: 30 }, meter)],
    startHeartbeats: () => () => undefined,
    sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
  },
);
const learner = await DistributedLearner.create(options, client, meter);

// The first steps compile and grow the heap.
const counted = Math.ceil(steps / 2);
let [began, counts, cpu] = [0, [], process.cpuUsage()];
for (let step = 0; step < steps; step++) {
  if (step === steps - counted) [began, counts, cpu] = [performance.now(), [...meter.counts], process.cpuUsage()];
  await learner.step([{ learningRate: 0.1 }]);
}
await client.settle();
const step = (performance.now() - began) / counted;
const { user, system } = process.cpuUsage(cpu);
const spent = (part) => {
  const field = reportFields.indexOf(`${part}Seconds`);
  return Math.round(((meter.counts[field] - counts[field]) * 1000) / counted);
};
const parts = Object.fromEntries(['compute', 'push', 'wait', 'pull'].map((part) => [part, spent(part)]));
console.log(JSON.stringify({ step: Math.round(step), ...parts, cpu: Math.round((user + system) / 1000 / counted) }));
await client.finish();
await client.close();
await learner.dispose();
