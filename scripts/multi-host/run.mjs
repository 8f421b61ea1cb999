// Trains on three machines of a simulated network, a parameter server and two workers, while the network is slow,
// narrow, lossy or split. Compares each trained model, bit for bit, with that of the run on a good network. Where a
// worker is given up, it checks instead that the worker comes back and the run completes.
//   sudo node scripts/multi-host/run.mjs [--steps 300]
// Build first. If the machine does not allow this, or its kernel lacks such a network, prints a line that begins with
// `skipped:` and exits with status 0. Exits with status 1 if a model differs.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Lacking, Network, obstacle } from './network.mjs';

const { values: flags } = parseArgs({ options: { steps: { type: 'string', default: '300' } } });
const program = fileURLToPath(new URL('../../packages/trainer/bin/unroll.js', import.meta.url));
const [server, ...workers] = ['ps', 'worker0', 'worker1'];
const port = 7000;
const token = randomBytes(32).toString('hex');
/** Longer than gRPC's and TCP's keepalive, each of which gives a connection up within 50 s. */
const keepaliveSeconds = 55;

/**
 * Conditions of the network, by name. `means` are ways to impose a condition: the first one that machine and kernel
 * support is used. Each may resolve to the address at which the workers then find their server. `meanwhile` runs during
 * training. `flags` are the server's. A `lasting` run takes that many times the steps; its bits are not compared,
 * because lanes change hands.
 */
const conditions = {
  'a good network': {},
  '20 ms there and back': {
    means: {
      netem: (network) => network.shape('netem', 'delay', '10ms', 'limit', '100000'),
      'a relay': (network) => network.delay(server, port, 10),
    },
  },
  '1 Gbit/s': {
    means: { tbf: (network) => network.shape('tbf', 'rate', '1gbit', 'burst', '128kb', 'latency', '50ms') },
  },
  '1 % of packets lost': {
    means: {
      netem: (network) => network.shape('netem', 'loss', '1%'),
      nftables: (network) => network.lose(1),
    },
    mustDrop: true,
  },
  'a worker cut off for 10 s': { meanwhile: cutOff(workers[1], 10) },
  [`the server cut off for ${keepaliveSeconds} s`]: { meanwhile: cutOff(server, keepaliveSeconds) },
  'a worker cut off until it is given up': {
    flags: ['--min-workers', '1', '--lease', '2', '--worker-timeout', '4'],
    lasting: 20,
    meanwhile: giveUp,
  },
};

/** Resolves to true when training has written its first snapshot, and to false if it ends before. */
async function isUnderWay({ snapshots, over }) {
  while (!(existsSync(snapshots) && readdirSync(snapshots).length > 0)) {
    if (await Promise.race([over, sleep(50)])) return false;
  }
  return true;
}

/** Cuts a machine off for some time, once training is under way. */
function cutOff(machine, seconds) {
  return async (network, run) => {
    if (!(await isUnderWay(run))) return;
    network.cutOff(machine);
    const isOver = await Promise.race([run.over, sleep(seconds * 1000)]);
    network.reconnect(machine);
    if (isOver) throw new Error(`training ended while ${machine} was cut off; give it more --steps`);
  };
}

/** Cuts a worker off until the other one has its lanes, and waits until it has them again. */
async function giveUp(network, run) {
  if (!(await isUnderWay(run))) return;
  network.cutOff(workers[1]);
  const isAlone = await run.serverSays(/^1 of 2 workers share the lanes at step \d+: 0$/m);
  // The other one must not be done with all steps before this one has found its way back.
  slowDown(network);
  network.reconnect(workers[1]);
  const isBack = isAlone && (await run.serverSays(/^2 of 2 workers share the lanes at step [1-9]\d*: 0, 1$/m));
  network.unshape();
  if (!isBack)
    throw new Error(`training ended before a worker that was cut off ${isAlone ? 'was back' : 'was given up'}`);
}

/** Lets a step take a tenth of a second or so, if the kernel can. */
function slowDown(network) {
  try {
    network.shape('tbf', 'rate', '20mbit', 'burst', '32kb', 'latency', '500ms');
  } catch (error) {
    if (!(error instanceof Lacking)) throw error;
  }
}

/** Starts one process of the run on its machine, as a scheduler would. */
function start(network, name, task, args, serverAddress) {
  const cluster = {
    ps: [`${serverAddress}:${port}`],
    worker: workers.map((worker) => `${network.address(worker)}:${port}`),
  };
  const [command, ...rest] = network.on(name, process.execPath, program, 'node', '--log-format', 'plain', ...args);
  const child = spawn(command, rest, {
    env: { ...process.env, TF_CONFIG: JSON.stringify({ cluster, task }), UNROLL_TOKEN: token },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${name} ended with ${status}: ${said.trim().split('\n').at(-1)}`));
    });
  });
  /** Resolves to true when the process has written this, and to false if it ends before. */
  const says = async (pattern) => {
    while (!pattern.test(said)) {
      if (await Promise.race([ended.then(() => true), sleep(50)])) return pattern.test(said);
    }
    return true;
  };
  return { child, ended, says };
}

/** Runs one training to its end; resolves to the files that contain what was learned. */
async function train(network, { meanwhile, flags: ownFlags = [] }, { steps, folder, serverAddress }) {
  const [out, snapshots] = [join(folder, 'checkpoint'), join(folder, 'snapshots')];
  const size = [
    '--hidden-dim',
    '64',
    '--embedding-dim',
    '32',
    '--dropout',
    '0.1',
    '--batch-size',
    '8',
    '--threads',
    '1',
  ];
  const args = ['--data', 'grammar', '--out', out, ...size, '--max-steps', String(steps)];
  const policy = ['--snapshot-dir', snapshots, '--snapshot-every', '20', ...ownFlags];
  const processes = [
    start(network, server, { type: 'ps', index: 0 }, [...args, ...policy], serverAddress),
    ...workers.map((name, index) => start(network, name, { type: 'worker', index }, args, serverAddress)),
  ];
  const ended = Promise.all(processes.map((process) => process.ended));
  try {
    const run = () => ({ snapshots, over: ended.then(() => true), serverSays: processes[0].says });
    await Promise.all([ended, meanwhile?.(network, run())]);
  } finally {
    for (const { child } of processes) child.kill('SIGKILL');
  }
  return ['model.safetensors', 'optimizer.safetensors'].map((name) => readFileSync(join(out, name)));
}

/**
 * Imposes a condition by the first supported means; resolves to the means' name, or to the reasons why there is none.
 */
async function impose(network, { means }) {
  if (!means) return {};
  const lacks = [];
  for (const [by, act] of Object.entries(means)) {
    try {
      return { by, serverAddress: await act(network) };
    } catch (error) {
      if (!(error instanceof Lacking)) throw error;
      lacks.push(error.message);
    }
  }
  return { lacks: lacks.join(', and ') };
}

/** Trains under the condition, if it can be imposed; resolves to what was learned and a verdict with the time. */
async function tryOut(network, name, condition, folder) {
  const { lacks, by, serverAddress = network.address(server) } = await impose(network, condition);
  if (lacks) return { verdict: `skipped: ${name}: ${lacks}` };
  const began = performance.now();
  const steps = Number(flags.steps) * (condition.lasting ?? 1);
  const learnt = await train(network, condition, { steps, folder, serverAddress });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const { sent, dropped } = network.traffic();
  network.unshape();
  if (condition.mustDrop && dropped === 0) throw new Error(`${name}: no packet was dropped of ${sent}`);
  return { learnt, verdict: `${name}${by ? ` (by ${by})` : ''}: ${steps} steps in ${seconds} s` };
}

async function main() {
  const why = obstacle();
  if (why) return console.log(`skipped: ${why}`);
  const folder = mkdtempSync(join(tmpdir(), 'unroll-multi-host-'));
  const network = new Network([server, ...workers]);
  process.once('exit', () => {
    network.close();
    rmSync(folder, { recursive: true });
  });
  process.once('SIGINT', () => process.exit(1));
  let good;
  for (const [index, [name, condition]] of Object.entries(conditions).entries()) {
    const { learnt, verdict } = await tryOut(network, name, condition, join(folder, `${index}`));
    if (!learnt) {
      console.log(verdict);
      continue;
    }
    if (condition.lasting) {
      console.log(`complete: ${verdict}`);
      continue;
    }
    good ??= learnt;
    const isEqual = learnt.every((bytes, k) => bytes.equals(good[k]));
    if (!isEqual) process.exitCode = 1;
    console.log(`${isEqual ? 'equal' : 'DIFFERENT'}: ${verdict}`);
  }
}

await main().catch((error) => {
  console.error(`multi-host: ${error.message}`);
  process.exitCode = 1;
});
