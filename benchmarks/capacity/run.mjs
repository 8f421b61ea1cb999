// Measures the resources of a run per million parameters: of a parameter server, its workers, their network and a disk.
// A server and workers train models of two sizes. The difference in resources is divided by the difference in
// parameters, so the fixed cost of a process does not count; it is reported too.
//   node benchmarks/capacity/run.mjs [--steps 20] [--small 700] [--large 1400] [--workers 2]
//     [--optimizers sgd,momentum,adam]     (units of the layer; Linux)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launchedFlags, serverEnvironment } from '../common.mjs';

const { values: flags } = parseArgs({
  options: {
    steps: { type: 'string', default: '20' },
    small: { type: 'string', default: '700' },
    large: { type: 'string', default: '1400' },
    workers: { type: 'string', default: '2' },
    optimizers: { type: 'string', default: 'sgd,momentum,adam' },
  },
});
const program = fileURLToPath(new URL('../../packages/trainer/bin/unroll.js', import.meta.url));
/** Every server writes its first snapshot half way. */
const snapshotEvery = Math.floor(Number(flags.steps) / 2);

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function unroll(args, env = process.env) {
  const child = spawn(process.execPath, [...launchedFlags, program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const ended = once(child, 'close').then(([status]) => {
    if (status !== 0) throw new Error(`unroll ${args[0]} ended with ${status}: ${said}`);
  });
  return { child, ended, said: () => said };
}

/** Returns a process's peak memory, in MB; undefined after it has ended. */
function peak({ pid }) {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : (Number(kilobytes) * 1.024) / 1000;
  } catch {
    return undefined;
  }
}

const sizeOf = (folder) => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size / 1e6, 0);

/** Runs a model with a layer of this many units. Returns the MB of each part, and the parameters in millions. */
async function measure(units, optimizer) {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-capacity-'));
  const [port, metricsPort] = [await freePort(), await freePort()];
  const [out, snapshots] = [join(folder, 'out'), join(folder, 'snapshots')];
  mkdirSync(snapshots);
  const model = [
    '--data',
    'grammar',
    '--embedding-dim',
    String(units),
    '--hidden-dim',
    String(units),
    '--optimizer',
    optimizer,
  ];
  const batch = ['--batch-size', '4', '--sequence-length', '10', '--threads', '1', '--max-steps', flags.steps];
  const server = unroll(
    [
      ...['param-server', '--port', String(port), '--workers', flags.workers, '--metrics-port', String(metricsPort)],
      ...['--snapshot-dir', snapshots, '--snapshot-every', String(snapshotEvery)],
    ],
    serverEnvironment,
  );
  const workers = Array.from({ length: Number(flags.workers) }, (_, worker) => {
    const place = ['--worker', String(worker), '--workers', flags.workers, '--server-addresses', `127.0.0.1:${port}`];
    return unroll(['worker', ...model, ...batch, '--out', out, ...place]);
  });
  const taken = { server: 0, worker: 0, sent: 0, received: 0, snapshot: 0 };
  const timer = setInterval(async () => {
    taken.server = Math.max(taken.server, peak(server.child) ?? 0);
    taken.worker = Math.max(taken.worker, peak(workers[1].child) ?? 0);
    taken.snapshot = Math.max(taken.snapshot, ...snapshotSizes(snapshots));
    const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`).catch(() => undefined);
    const text = (await answer?.text().catch(() => '')) ?? '';
    const figure = (name, labels) => Number(new RegExp(`^${name}\\{${labels}[^}]*\\} (.*)$`, 'm').exec(text)?.[1] ?? 0);
    const steps = figure('unroll_worker_steps_total', 'worker="1"');
    // The first step brings all parameters at once; later steps are typical of a run.
    if (steps < 2) return;
    for (const direction of ['sent', 'received']) {
      taken[direction] = figure('unroll_worker_bytes_total', `worker="1",direction="${direction}"`) / 1e6 / steps;
    }
  }, 100);
  try {
    await Promise.all([server, ...workers].map(({ ended }) => ended));
    const parameters = Number(/([\d.]+) M parameters/.exec(workers[0].said())[1]);
    return { parameters, ...taken, checkpoint: sizeOf(out) };
  } finally {
    clearInterval(timer);
    for (const { child } of [server, ...workers]) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

function snapshotSizes(folder) {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.snapshot'))
      .map((name) => statSync(join(folder, name)).size / 1e6);
  } catch {
    return [];
  }
}

const parts = { server: 'memory of the server', worker: 'memory of a worker', sent: 'sent by a worker a step' };
Object.assign(parts, { received: 'received by it', snapshot: 'a snapshot', checkpoint: 'a checkpoint' });

console.log(`${cpus()[0].model}, ${cpus().length} processors`);
for (const optimizer of flags.optimizers.split(',')) {
  const [small, large] = [await measure(Number(flags.small), optimizer), await measure(Number(flags.large), optimizer)];
  const more = large.parameters - small.parameters;
  console.log(`${optimizer}: ${small.parameters} and ${large.parameters} million parameters, ${flags.workers} workers`);
  for (const [part, name] of Object.entries(parts)) {
    const each = (large[part] - small[part]) / more;
    const rest = small[part] - each * small.parameters;
    console.log(`  ${name}: ${each.toFixed(1)} MB per million parameters, and ${Math.round(rest) + 0} MB`);
  }
}
