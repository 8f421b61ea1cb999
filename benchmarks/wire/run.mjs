// Measures the cost of communication, in one run on one machine. First, MB/s of a vector to a parameter server and back
// through the real client and server, beside raw TCP. Then a step of PTB medium with two workers of one thread each and
// one server, beside PyTorch's DistributedDataParallel over gloo, in turns. Each runs in a process of its own.
//   node benchmarks/wire/run.mjs [--rounds 12] [--pairs 2] [--steps 12] [--json FILE]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launchedFlags, median, serverEnvironment, torchEnvironment } from '../common.mjs';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    pairs: { type: 'string', default: '2' },
    steps: { type: 'string', default: '12' },
    json: { type: 'string' },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

function start(command, args, env) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { exited, line: async () => (await lines.next()).value };
}

/** Returns the JSON that a program prints. */
async function result(program) {
  const line = await program.line();
  const [status] = await program.exited;
  if (status !== 0) throw new Error(`a program ended with status ${status}`);
  return JSON.parse(line);
}

const node = (name, args, env = process.env) =>
  start(process.execPath, [...launchedFlags, here(name), ...args.map(String)], env);

/** Runs programs beside a server, and returns their results and the server's. */
async function withServer(workers, programs) {
  const server = node('server.mjs', [workers], serverEnvironment);
  const port = await server.line();
  const results = await Promise.all(programs(port).map(result));
  return { results, server: await result(server) };
}

const rate = (bytes, seconds) => Math.round(bytes / median(seconds) / 1e6);

async function throughput() {
  const { results, server } = await withServer(1, (port) => [node('throughput.mjs', [port, flags.rounds])]);
  const { push, pull, bytes, pushCpuSeconds, pullCpuSeconds } = results[0];
  const tcp = await result(node('tcp.mjs', [flags.rounds]));
  return {
    'push MB/s': rate(bytes, push),
    'pull MB/s': rate(bytes, pull),
    'raw TCP MB/s': rate(bytes, tcp.seconds),
    "client's CPU ms per push": Math.round(pushCpuSeconds * 1e3),
    'per pull': Math.round(pullCpuSeconds * 1e3),
    "server's peak MB": Math.round(server.peakMegabytes),
  };
}

async function trainingStep() {
  const ours = await withServer(2, (port) => [0, 1].map((worker) => node('unroll.mjs', [port, worker, flags.steps])));
  const theirs = await result(start(python, [here('pytorch.py'), flags.steps], torchEnvironment(1)));
  const milliseconds = (seconds) => Math.round(median(seconds) * 1e3);
  // The first steps compile and grow the heap.
  const parts = Object.entries(ours.results[0].parts).map(([part, seconds]) => [
    part,
    milliseconds(seconds.slice(-Math.ceil(Number(flags.steps) / 2))),
  ]);
  return {
    ...Object.fromEntries(parts),
    'PyTorch DDP': milliseconds(theirs.seconds),
    ratio: Number(((median(theirs.seconds) * 1e3) / Object.fromEntries(parts).step).toFixed(2)),
    "worker's CPU ms": Math.round(ours.results[0].cpuSecondsAStep * 1e3),
    "server's peak MB": Math.round(ours.server.peakMegabytes),
  };
}

console.log(`${cpus().length} × ${cpus()[0].model}`);
const moved = await throughput();
console.table([moved]);
const steps = [];
for (let pair = 1; pair <= Number(flags.pairs); pair++) steps.push(await trainingStep());
console.table(steps);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify({ moved, steps }, null, 2)}\n`);
