// Trains again and again on four machines of a simulated network, under faults chosen by a seed: processes are killed
// and stopped, machines cut off, disks slow and full, clocks off by an hour, and proxies set that do not exist. Each
// trained model is compared, bit for bit, with that of an undisturbed run.
//   sudo node benchmarks/chaos-soak/run.mjs [--minutes 60] [--seed 1] [--steps 5000] [--faults kill,stop,…] [--log FILE]
// Needs Linux, root, iproute2 and a C compiler; build first. Exits with status 1 at the first model that differs, and
// at the first run that makes no progress within ten minutes after its faults. The seed decides who suffers which fault
// for how long. The step at which it happens depends on the machine.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '@unroll/core/decoding';
import { Network, obstacle } from '../../scripts/multi-host/network.mjs';
import { median } from '../common.mjs';
import { Machine } from './machine.mjs';

const program = fileURLToPath(new URL('../../packages/trainer/bin/unroll.js', import.meta.url));
const servers = ['ps0', 'ps1'];
const workers = ['worker0', 'worker1'];
const names = [...servers, ...workers];
const port = 7000;
const metricsPort = 9090;

/** Seconds within which a run must make progress after its faults are over. */
const patience = 600;

/**
 * The faults. Each takes the machines to choose from, a random number in [0, 1) and one that chooses seconds. It
 * returns a description of the fault and a function that undoes it.
 */
const faults = {
  kill: ({ machines, random }) => {
    const victims = random() < 0.15 ? machines : [machines[Math.floor(random() * machines.length)]];
    for (const machine of victims) machine.signal('SIGKILL');
    return { said: `kill ${victims.map(({ name }) => name).join(', ')}`, seconds: 0 };
  },
  stop: ({ one, seconds }) => {
    one.signal('SIGSTOP');
    return { said: `stop ${one.name} for ${seconds} s`, seconds, undo: () => one.signal('SIGCONT') };
  },
  'slow-disk': ({ one, random, seconds }) => {
    const milliseconds = [50, 500, 5000, 20_000][Math.floor(random() * 4)];
    one.setDisk({ milliseconds });
    const said = `slow-disk of ${one.name}: ${milliseconds} ms a call, for ${seconds} s`;
    return { said, seconds, undo: () => one.setDisk({}) };
  },
  'full-disk': ({ one, seconds }) => {
    one.setDisk({ isFull: true });
    return { said: `full-disk of ${one.name} for ${seconds} s`, seconds, undo: () => one.setDisk({}) };
  },
  partition: ({ one, network, seconds }) => {
    network.cutOff(one.name);
    return { said: `partition: ${one.name} for ${seconds} s`, seconds, undo: () => network.reconnect(one.name) };
  },
  clock: ({ one, random }) => {
    const hours = [-1, 1, -24, 24 * 365][Math.floor(random() * 4)];
    one.setClock(hours * 3600);
    return { said: `clock of ${one.name}: ${hours} h off`, seconds: 0 };
  },
};

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '5000' },
    faults: { type: 'string', default: Object.keys(faults).join(',') },
    log: { type: 'string' },
  },
});
const kinds = flags.faults.split(',');
const unknown = kinds.find((kind) => !(kind in faults));
if (unknown !== undefined) fail(`--faults: there is no '${unknown}'; there are ${Object.keys(faults).join(', ')}`);
const why = obstacle();
if (why) fail(why);

function fail(message) {
  console.error(`chaos soak: ${message}`);
  process.exit(1);
}

const random = seededRandom(Number(flags.seed));
const below = (count) => Math.floor(random() * count);
const folder = mkdtempSync(join(tmpdir(), 'chaos-soak-'));
const logFile = flags.log ?? join(folder, 'log.txt');
const shim = join(folder, 'faults.so');
execFileSync('cc', [
  ...['-shared', '-fPIC', '-O1', '-o', shim],
  fileURLToPath(new URL('faults.c', import.meta.url)),
  '-ldl',
]);
const token = randomBytes(32).toString('hex');
const began = performance.now();
const elapsed = () => (performance.now() - began) / 1000;
writeFileSync(logFile, '');

function log(line) {
  appendFileSync(logFile, `${elapsed().toFixed(2)} ${line}\n`);
}

const network = new Network(names);
let machines = [];
process.once('exit', () => {
  for (const machine of machines) machine.end();
  network.close();
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Sets up the machines of a run, each with its process; returns the folder of its checkpoint. */
function setUp(disk) {
  mkdirSync(disk, { recursive: true });
  const [out, snapshots] = [join(disk, 'checkpoint'), join(disk, 'snapshots')];
  const size = [
    '--hidden-dim',
    '32',
    '--embedding-dim',
    '16',
    '--dropout',
    '0.1',
    '--batch-size',
    '16',
    '--threads',
    '1',
  ];
  const args = ['--data', 'grammar', '--out', out, '--resume', ...size];
  const length = ['--sequence-length', '25', '--max-steps', flags.steps, '--epochs', '1000'];
  const policy = ['--snapshot-dir', snapshots, '--snapshot-every', '50', '--metrics-port', `${metricsPort}`];
  const cluster = {
    ps: servers.map((server) => `${network.address(server)}:${port}`),
    worker: workers.map((worker) => `${network.address(worker)}:${port}`),
  };
  machines = names.map((name) => {
    const isServer = servers.includes(name);
    const index = (isServer ? servers : workers).indexOf(name);
    const task = { type: isServer ? 'ps' : 'worker', index };
    const unroll = [process.execPath, program, 'node', ...args, ...length, ...(isServer ? policy : [])];
    return new Machine({
      ...{ name, shim, folder: disk, random, log, page: join(disk, `../${name}.page`) },
      command: (...prefix) => network.on(name, ...prefix, ...unroll),
      environment: { TF_CONFIG: JSON.stringify({ cluster, task }), UNROLL_TOKEN: token },
    });
  });
  return out;
}

/** Follows the first server's step, from its metrics every half second; 0 until they report one. */
function watchSteps() {
  const source = `setInterval(async () => {
    const text = await fetch('http://127.0.0.1:${metricsPort}/metrics').then((answer) => answer.text(), () => '');
    const step = /^unroll_step(?:{.*})? (\\d+)/m.exec(text)?.[1];
    if (step) console.log(step);
  }, 500)`;
  const [command, ...rest] = network.on(servers[0], process.execPath, '-e', source);
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const watched = { step: 0, end: () => child.kill('SIGKILL') };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    watched.step = Number(text.trim().split('\n').at(-1));
  });
  return watched;
}

/** Returns the duration of a fault in seconds; most are short. */
function drawSeconds() {
  return [1, 2, 5, 10, 20, 40, 60][below(7)];
}

/** Starts several faults at once and undoes them one by one; resolves when all are undone. */
async function volley() {
  const count = [1, 1, 2, 3][below(4)];
  const begun = Array.from({ length: count }, () => {
    const kind = kinds[below(kinds.length)];
    const one = machines[below(machines.length)];
    const fault = faults[kind]({ machines, one, network, random, seconds: drawSeconds() });
    log(fault.said);
    return { kind, ...fault };
  });
  await Promise.all(
    begun.map(async ({ seconds, undo }) => {
      await sleep(seconds * 1000);
      undo?.();
    }),
  );
  return begun.map(({ kind }) => kind);
}

/** By the kinds of faults in a volley: seconds from its end until the run was further than ever before. */
const recoveries = new Map();

/** Trains to the end under faults; resolves to the number of volleys. */
async function trainUnderFire() {
  const watched = watchSteps();
  let isOver = false;
  const over = Promise.all(machines.map((machine) => machine.run())).then(() => {
    isOver = true;
  });
  let volleys = 0;
  try {
    await goesOn(watched, 0, () => isOver);
    while (!isOver) {
      await Promise.race([over, sleep(below(8) * 1000)]);
      if (machines.some((machine) => machine.isOver)) break;
      const step = watched.step;
      const suffered = await volley();
      volleys += 1;
      // Some volleys are followed by the next before the run has recovered.
      if (random() < 0.2) continue;
      const seconds = await goesOn(watched, Math.max(step, watched.step), () => isOver);
      if (isOver) break;
      const key = [...new Set(suffered)].sort().join(' + ');
      recoveries.set(key, [...(recoveries.get(key) ?? []), seconds]);
      log(`goes on after ${seconds.toFixed(1)} s at step ${watched.step}`);
    }
    const isLate = await Promise.race([over, sleep(patience * 1000, true, { ref: false })]);
    if (isLate) throw new Error(`a run did not end within ${patience} s; see ${logFile}`);
    return volleys;
  } finally {
    watched.end();
    for (const machine of machines) machine.end();
  }
}

/** Resolves to the seconds until the run has passed the step. @throws Error when that takes too long */
async function goesOn(watched, step, isOver) {
  const from = elapsed();
  while (watched.step <= step && !isOver()) {
    if (elapsed() - from > patience) throw new Error(`a run did not go on within ${patience} s; see ${logFile}`);
    await sleep(100);
  }
  return elapsed() - from;
}

/** The files of a checkpoint that contain what was learned. */
function learnt(out) {
  return ['model.safetensors', 'optimizer.safetensors'].map((file) => readFileSync(join(out, file)));
}

async function main() {
  log('undisturbed');
  const undisturbed = setUp(join(folder, 'undisturbed', 'disk'));
  await Promise.all(machines.map((machine) => machine.run()));
  const expected = learnt(undisturbed);
  let [runs, volleys] = [0, 0];
  const until = elapsed() + Number(flags.minutes) * 60;
  while (elapsed() < until) {
    log(`run ${runs}`);
    const out = setUp(join(folder, `run-${runs}`, 'disk'));
    volleys += await trainUnderFire();
    const isSame = learnt(out).every((bytes, k) => bytes.equals(expected[k]));
    log(isSame ? `run ${runs}: the same bits` : `run ${runs}: OTHER BITS`);
    if (!isSame) throw new Error(`run ${runs} learnt something else; see ${logFile} and ${out}`);
    rmSync(join(folder, `run-${runs}`), { recursive: true });
    runs += 1;
    if (process.stderr.isTTY) console.error(`${runs} runs alike after ${volleys} volleys, ${Math.round(elapsed())} s`);
  }
  const rows = [...recoveries].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, seconds] of rows) {
    log(
      `${key}: ${seconds.length} times; on after ${median(seconds).toFixed(1)} s in the median, ${Math.max(...seconds).toFixed(1)} at most`,
    );
  }
  log(`${runs} runs, ${volleys} volleys, 0 differing bits`);
  console.log(
    JSON.stringify({ runs, volleys, seed: Number(flags.seed), seconds: Math.round(elapsed()), log: logFile }),
  );
  if (flags.log) rmSync(folder, { recursive: true });
}

await main().catch((error) => fail(error.message));
