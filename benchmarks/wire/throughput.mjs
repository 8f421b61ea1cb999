// Moves a vector of 80 MB to a parameter server and back, repeatedly, through the client of @unroll/param-server. One
// JSON line: seconds of each upload and each pull, and the vector's bytes.
//   usage: throughput.mjs PORT ROUNDS
import { ShardConnection } from '../../packages/param-server/dist/client/shard-connection.js';
import { partition } from '../../packages/param-server/dist/vectors/partition.js';
import { chunksOf, partsOfParameters, scatterChunk } from '../../packages/param-server/dist/vectors/shard-vector.js';
import { writeModel } from '../../packages/param-server/dist/wire/wire-messages.js';

const [port, rounds] = process.argv.slice(2).map(Number);
const model = {
  parameters: [{ name: 'table', shape: [20_000, 1000] }],
  optimizer: { name: 'sgd' },
  clipNorm: undefined,
  lanes: { count: 1, width: 1 },
  run: 'throughput',
};
const values = { table: new Float32Array(20_000_000).map((_, k) => k % 1000) };
const [layout] = partition(model.parameters, 1);
const place = { shard: 0, shards: 1 };
const connection = new ShardConnection({
  address: `127.0.0.1:${port}`,
  ...place,
  callSeconds: 60,
  patienceSeconds: 10,
});
const caller = { worker: 0, incarnation: 1, generation: 0, lease: 0 };
await connection.join({ caller, version: 'benchmark', workers: 1, ...place, ...writeModel(model) });

const upload = (target, name) =>
  connection.upload({ caller: target, step: 0, vector: name }, chunksOf(partsOfParameters(layout, values)));
await upload(caller, 'parameters');
await connection.upload({ caller, step: 0, vector: 'lanes' }, []);
await connection.initialize({ caller, step: 0, generation: 1 });
const inside = { ...caller, generation: 1 };

async function pull() {
  const request = { caller: inside, vector: 'parameters', step: 0 };
  for await (const chunk of connection.pull(request)) scatterChunk(layout, values, chunk);
}

async function timed(work) {
  const seconds = [];
  for (let round = -2; round < rounds; round++) {
    const start = performance.now();
    await work();
    if (round >= 0) seconds.push((performance.now() - start) / 1000);
  }
  return seconds;
}

const cpuSeconds = () => Object.values(process.cpuUsage()).reduce((sum, part) => sum + part) / 1e6;
const started = cpuSeconds();
const push = await timed(() => upload(inside, 'gradient'));
const pushed = cpuSeconds();
const pulled = await timed(pull);
const calls = rounds + 2;
const cpu = { pushCpuSeconds: (pushed - started) / calls, pullCpuSeconds: (cpuSeconds() - pushed) / calls };
await connection.leave({ caller: inside, finished: true });
connection.close();
console.log(JSON.stringify({ push, pull: pulled, bytes: values.table.byteLength, ...cpu }));
