// One of two workers that train PTB medium through a parameter server, with one thread. One JSON line: the seconds of
// each part of a step, in each step.
//   usage: unroll.mjs PORT WORKER STEPS
import { initialParameters, languageModelConfig, parameterShapes, stateShapes } from '@unroll/core';
import { rowGradientProgram } from '@unroll/core/internal';
import { selectEngine, zeros } from '@unroll/trainer';
import { ParameterClient } from '../../packages/param-server/dist/client/client.js';
import { ShardConnection } from '../../packages/param-server/dist/client/shard-connection.js';
import { gradientsByName } from '../../packages/trainer/dist/training/learners/gradient-step.js';

const [port, worker, steps] = process.argv.slice(2).map(Number);
const workers = 2;
const [batch, time] = [10, 35];
const size = { vocabSize: 10_000, embeddingDim: 650, hiddenDim: 650, layers: 2, cell: 'lstm' };

const config = languageModelConfig(size);
const shapes = parameterShapes(config);
const engine = await selectEngine('onnxruntime', 1);
const parameters = engine.allocate(zeros(shapes));
const state = engine.allocate(zeros(stateShapes(config, batch)));
const executable = await engine.compile(rowGradientProgram(config, { batch, time }), [parameters, state]);

const parts = { compute: [], push: [], 'wait for the other': [], update: [], pull: [], step: [] };
const took = (part, start) => parts[part].push((performance.now() - start) / 1000);

/** Reports the parts of a client's call and their times. */
class TimedConnection extends ShardConnection {
  async upload(target, chunks) {
    const start = performance.now();
    await super.upload(target, chunks);
    if (target.vector === 'gradient') took('push', start);
  }

  async push(request) {
    const start = performance.now();
    const answer = await super.push(request);
    took('wait for the other', start);
    return answer;
  }

  async *pull(request) {
    const start = performance.now();
    let first;
    for await (const chunk of super.pull(request)) {
      first ??= performance.now();
      yield chunk;
    }
    if (request.vector !== 'parameters') return;
    parts.update.push((first - start) / 1000);
    took('pull', first);
  }
}

const place = { shard: 0, shards: 1 };
const options = {
  worker,
  workers,
  version: 'benchmark',
  parameters: Object.entries(shapes).map(([name, shape]) => ({ name, shape })),
  optimizer: { name: 'sgd' },
  clipNorm: 0.25,
  lanes: { count: workers * batch, width: 1 },
  run: 'ptb-medium',
  start: { values: async () => ({ parameters: initialParameters(config, { seed: 0 }) }) },
};
const client = new ParameterClient(options, {
  connections: [new TimedConnection({ address: `127.0.0.1:${port}`, ...place, callSeconds: 60, patienceSeconds: 30 })],
  startHeartbeats: () => () => undefined,
  sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
});
const live = {};
for (const name of parameters.names) live[name] = await parameters.read(name);
await client.enter(live);

const rows = batch * time;
// The ids need only be spread over the vocabulary; the multiplier is coprime to its size.
const ids = Int32Array.from({ length: rows }, (_, k) => ((k + worker * rows) * 7919) % size.vocabSize);
const lossWeights = new Float32Array(rows).fill(1 / (workers * rows));
const inputs = { ids, targets: ids.toReversed(), lossWeights };
const laneStates = new Float32Array(batch);
let cpuBefore = process.cpuUsage();
for (let step = 0; step < steps; step++) {
  if (step === steps >> 1) cpuBefore = process.cpuUsage();
  const start = performance.now();
  const outputs = await executable.run(inputs);
  const gradients = gradientsByName(parameters.names, outputs, ids);
  took('compute', start);
  await client.update({ gradients, learningRate: 0.1, laneStates });
  took('step', start);
}
const { user, system } = process.cpuUsage(cpuBefore);
await client.finish();
await client.close();
await executable.dispose();
console.log(JSON.stringify({ parts, cpuSecondsAStep: (user + system) / 1e6 / (steps - (steps >> 1)) }));
