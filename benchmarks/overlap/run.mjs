// Milliseconds of a step of PTB medium with workers of one thread each and a parameter server. It compares, in
// turns, gradients and parameters that travel while others are computed, and those that travel one by one. Runs on
// loopback or, on Linux as root, on a simulated network of three machines whose links are as slow as --rate says. Build
// first.
//   node benchmarks/overlap/run.mjs [--rate 1gbit] [--batch 10] [--steps 16] [--pairs 2]
//     [--workers 2] [--json]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Network, obstacle } from '../../scripts/multi-host/network.mjs';
import { launchedFlags, serverEnvironment } from '../common.mjs';

const { values: flags } = parseArgs({
  options: {
    rate: { type: 'string' },
    /** Sequences of each worker. */
    batch: { type: 'string', default: '10' },
    steps: { type: 'string', default: '16' },
    pairs: { type: 'string', default: '2' },
    workers: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const names = Array.from({ length: Number(flags.workers) }, (_, worker) => `worker${worker}`);
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

async function measure(network, how) {
  const host = network ? network.address('ps') : '127.0.0.1';
  const server = start(network, 'ps', 'server.mjs', host, flags.workers);
  const address = `${host}:${await server.line()}`;
  const workers = names.map((name, worker) =>
    start(network, name, 'worker.mjs', address, String(worker), flags.steps, how, flags.batch, flags.workers),
  );
  const [first] = await Promise.all(workers.map(({ line }) => line()));
  await Promise.all([server, ...workers].map(({ exited }) => exited));
  return { how, ...JSON.parse(first) };
}

const why = flags.rate && obstacle();
if (why) {
  console.log(`skipped: ${why}`);
  process.exit();
}
const network = flags.rate ? new Network(['ps', ...names]) : undefined;
process.once('exit', () => network?.close());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
network?.shape('tbf', 'rate', flags.rate, 'burst', '256kb', 'latency', '50ms');
const results = [];
for (let pair = 1; pair <= Number(flags.pairs); pair++) {
  for (const how of ['one-by-one', 'overlap']) results.push(await measure(network, how));
}
if (flags.json) console.log(JSON.stringify(results));
else console.table(results);
