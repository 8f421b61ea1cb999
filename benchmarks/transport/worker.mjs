// One of two workers that train PTB medium through parameter servers, with one thread, as `unroll worker` does. Vectors
// travel in turns, for a few steps each, over gRPC and over bulk connections. One JSON line: for each turn the
// milliseconds of a step, and the processor time in milliseconds that this worker and the servers spent on it.
//   usage: worker.mjs HOST:PORT,... WORKER TURNS SERVER_PID overlap|one-by-one
import { readdirSync, readFileSync } from 'node:fs';
import { initialParameters, languageModelConfig } from '@unroll/core';
import { trainableLanguageModel } from '@unroll/core/internal';
import { WorkerMeter } from '@unroll/param-server/client';
import { selectEngine } from '@unroll/trainer';
import { BulkChannel } from '../../packages/param-server/dist/bulk/bulk-channel.js';
import { ParameterClient } from '../../packages/param-server/dist/client/client.js';
import { MeteredConnection } from '../../packages/param-server/dist/client/metered-connection.js';
import { LanguageModelBatches } from '../../packages/trainer/dist/training/language-model/language-model-batches.js';
import { DistributedLearner } from '../../packages/trainer/dist/training/learners/distributed-learner.js';
import { laneWidth } from '../../packages/trainer/dist/training/learners/lane-states.js';

const [addresses, worker, turns, serverPid, how] = process.argv.slice(2);
const workers = 2;
const [batch, time] = [10, 35];
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

/** Without a bulk connection a client uses gRPC. */
let isByGrpc = false;
const lend = BulkChannel.prototype.lend;
BulkChannel.prototype.lend = async function () {
  return isByGrpc ? undefined : lend.call(this);
};

const engine = await selectEngine('onnxruntime', 1);
// The ids need only be spread over the vocabulary; the multiplier is coprime to its size.
const rows = batch * time;
const ids = Int32Array.from({ length: rows }, (_, k) => ((k + Number(worker) * rows) * 7919) % config.vocabSize);
const everyBatch = { ids, targets: ids.toReversed(), steps: time, lanes: batch, resetState: false };
const text = { stepsPerEpoch: 1e6, batchAt: () => everyBatch };
const batchesOf = (lanes) => new LanguageModelBatches({ model: config, training, lanes, text });
const options = { engine, model, training, overlaps: how === 'overlap', batchesOf };

const meter = new WorkerMeter();
const servers = addresses.split(',');
const client = new ParameterClient(
  {
    worker: Number(worker),
    workers,
    version: 'benchmark',
    parameters: Object.entries(model.parameters).map(([name, shape]) => ({ name, shape })),
    optimizer: training.optimizer,
    clipNorm: training.clipNorm,
    lanes: { count: training.batchSize, width: laneWidth(model) },
    run: 'transport',
    start: { values: async () => ({ parameters: initialParameters(config, { seed: 0 }) }) },
  },
  {
    connections: servers.map(
      (address, shard) =>
        new MeteredConnection({ address, shard, shards: servers.length, callSeconds: 120, patienceSeconds: 30 }, meter),
    ),
    incarnation: process.pid,
    startHeartbeats: () => () => undefined,
    sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
  },
);
const learner = await DistributedLearner.create(options, client, meter);

/** Returns the processor time of all threads of the servers' process, in milliseconds. */
function serverTime() {
  const tasks = `/proc/${serverPid}/task`;
  const times = readdirSync(tasks).map((task) =>
    Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return times.reduce((sum, time) => sum + time, 0) / 1e6;
}

function ownTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The first step after a change fills and empties buffers. Where steps overlap, part of it still uses the other way. */
const stepsATurn = 2;
async function turn() {
  await learner.step([{ learningRate: 0.1 }]);
  const [began, own, servers] = [performance.now(), ownTime(), serverTime()];
  for (let step = 0; step < stepsATurn; step++) await learner.step([{ learningRate: 0.1 }]);
  await client.settle();
  const differences = [performance.now() - began, ownTime() - own, serverTime() - servers];
  const [milliseconds, worker, server] = differences.map((total) => total / stepsATurn);
  return { milliseconds, worker, server };
}

// The first steps compile and grow the heap.
for (const way of [false, true, false, true]) {
  isByGrpc = way;
  await turn();
}
const results = [];
for (let count = 0; count < Number(turns); count++) {
  // The order of the two changes, too.
  for (const by of count % 2 ? ['grpc', 'bulk'] : ['bulk', 'grpc']) {
    isByGrpc = by === 'grpc';
    results.push({ by, ...(await turn()) });
  }
}
console.log(JSON.stringify(results));
await client.finish();
await client.close();
await learner.dispose();
