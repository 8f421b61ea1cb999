// A step of PTB medium with two workers of one thread each and a parameter server. Within one run, vectors travel in
// turns over bulk connections and over gRPC, with one, two and four connections from each worker, each to a shard of
// its own in one process. Runs on loopback and, on Linux as root, on a simulated network of three machines with links
// of the given rates. Build first.
//   node benchmarks/transport/run.mjs [--networks loopback,10gbit,1gbit] [--connections 1,2,4] [--turns 8] [--rounds 2]
//     [--how one-by-one] [--json FILE]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Network, obstacle } from '../../scripts/multi-host/network.mjs';
import { launchedFlags, median, serverEnvironment } from '../common.mjs';

const { values: flags } = parseArgs({
  options: {
    networks: { type: 'string', default: 'loopback,10gbit,1gbit' },
    connections: { type: 'string', default: '1,2,4' },
    /** Turns of each way, in each round. */
    turns: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '2' },
    /** Or `overlap`. */
    how: { type: 'string', default: 'one-by-one' },
    json: { type: 'string' },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Runs a program on a machine of the network, if there is one. @returns its lines, one after another */
function start(network, machine, program, ...args) {
  const command = [process.execPath, ...launchedFlags, here(program), ...args];
  const [file, ...rest] = network ? network.on(machine, ...command) : command;
  const env = program === 'server.mjs' ? serverEnvironment : process.env;
  const child = spawn(file, rest, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { exited, line: async () => (await lines.next()).value };
}

async function round(network, connections) {
  const host = network ? network.address('ps') : '127.0.0.1';
  const server = start(network, 'ps', 'server.mjs', host, connections);
  const { pid, ports } = JSON.parse(await server.line());
  const addresses = ports.map((port) => `${host}:${port}`).join();
  const workers = ['0', '1'].map((worker) =>
    start(network, `worker${worker}`, 'worker.mjs', addresses, worker, flags.turns, String(pid), flags.how),
  );
  const [first] = await Promise.all(workers.map(({ line }) => line()));
  await Promise.all([server, ...workers].map(({ exited }) => exited));
  return JSON.parse(first);
}

/** Returns medians of each way, and of the ratios of its turns to the neighbouring turns over bulk connections. */
function summary(results) {
  const of = (way) => results.filter(({ by }) => by === way);
  const [bulk, grpc] = [of('bulk'), of('grpc')];
  const middle = (turns, value) => Math.round(median(turns.map(value)));
  const total = ({ worker, server }) => 2 * worker + server;
  const ratios = (value) => bulk.map((turn, k) => value(grpc[k]) / value(turn));
  const wall = ratios(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b);
  return {
    'bulk ms': middle(bulk, ({ milliseconds }) => milliseconds),
    'gRPC ms': middle(grpc, ({ milliseconds }) => milliseconds),
    ratio: median(wall).toFixed(2),
    quartiles: [wall[wall.length >> 2], wall[(3 * wall.length) >> 2]].map((value) => value.toFixed(2)).join('–'),
    'bulk CPU ms': middle(bulk, total),
    'gRPC CPU ms': middle(grpc, total),
    'CPU ratio': median(ratios(total)).toFixed(2),
    "server's": `${middle(bulk, ({ server }) => server)}, ${middle(grpc, ({ server }) => server)}`,
    "worker's": `${middle(bulk, ({ worker }) => worker)}, ${middle(grpc, ({ worker }) => worker)}`,
    turns: bulk.length,
  };
}

function networkOf(name) {
  if (name === 'loopback') return undefined;
  const network = new Network(['ps', 'worker0', 'worker1']);
  try {
    // A burst as long as the kernel's largest segment; at 10 Gbit/s, as long as a few.
    network.shape('tbf', 'rate', name, 'burst', '256kb', 'latency', '50ms');
  } catch (error) {
    network.close();
    throw error;
  }
  return network;
}

let network;
process.once('exit', () => network?.close());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
console.log(`${cpus().length} × ${cpus()[0].model}, ${flags.how}`);
const table = [];
for (const name of flags.networks.split(',')) {
  const why = name === 'loopback' ? undefined : obstacle();
  if (why) {
    console.log(`skipped: ${name}: ${why}`);
    continue;
  }
  network = networkOf(name);
  for (const connections of flags.connections.split(',')) {
    const results = [];
    for (let count = 0; count < Number(flags.rounds); count++) results.push(...(await round(network, connections)));
    table.push({ network: name, connections, ...summary(results) });
    console.log(JSON.stringify(table.at(-1)));
  }
  network?.close();
  network = undefined;
}
console.table(table);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(table, null, 2)}\n`);
