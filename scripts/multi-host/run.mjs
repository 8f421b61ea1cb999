// Trains on three machines of a make-believe network, a parameter server and two workers, while the network is slow, narrow,
// lossy or in two, and compares each trained model, bit for bit, with that of the run on a good one.
//   sudo node scripts/multi-host/run.mjs [--steps 300]
// Build first. Where the machine does not allow it, or its kernel has no such network, it says so in a line that begins with
// `skipped:`; the exit status is 0 then, and 1 where a model differs.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Network, obstacle } from './network.mjs';

const { values: flags } = parseArgs({ options: { steps: { type: 'string', default: '300' } } });
const program = fileURLToPath(new URL('../../packages/trainer/bin/unroll.js', import.meta.url));
const [server, ...workers] = ['ps', 'worker0', 'worker1'];
const port = 7000;
const token = randomBytes(32).toString('hex');
const partitionSeconds = 10;

/** What the network does, by name: a discipline through which each machine sends, or what happens while training goes on. */
const conditions = {
  'a good network': {},
  '20 ms there and back': { discipline: ['netem', 'delay', '10ms', 'limit', '100000'] },
  '1 Gbit/s': { discipline: ['tbf', 'rate', '1gbit', 'burst', '128kb', 'latency', '50ms'] },
  '1 % of packets lost': { discipline: ['netem', 'loss', '1%'], mustDrop: true },
  [`a worker cut off for ${partitionSeconds} s`]: { meanwhile: partition },
};

/** Cuts a worker off once training is under way: the first snapshot tells. */
async function partition(network, { snapshots, ended }) {
  const over = ended.then(() => true);
  while (!(existsSync(snapshots) && readdirSync(snapshots).length > 0)) {
    if (await Promise.race([over, sleep(50)])) return;
  }
  network.cutOff(workers[1]);
  const isOver = await Promise.race([over, sleep(partitionSeconds * 1000)]);
  network.reconnect(workers[1]);
  if (isOver) throw new Error('training ended while a worker was cut off; give it more --steps');
}

/** One process of the run, on its machine, as a scheduler would start it. */
function start(network, name, task, args) {
  const cluster = {
    ps: [`${network.address(server)}:${port}`],
    worker: workers.map((worker) => `${network.address(worker)}:${port}`),
  };
  const [command, ...rest] = network.on(name, process.execPath, program, 'node', ...args);
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
  return { child, ended };
}

/** Runs one training to its end; resolves to the files that say what was learnt. */
async function train(network, { meanwhile }, folder) {
  const [out, snapshots] = [join(folder, 'checkpoint'), join(folder, 'snapshots')];
  const size = ['--hidden', '64', '--embedding', '32', '--dropout', '0.1', '--batch-size', '8', '--threads', '1'];
  const args = ['--data', 'grammar', '--out', out, ...size, '--max-steps', flags.steps];
  const policy = ['--snapshot-dir', snapshots, '--snapshot-every', '20'];
  const processes = [
    start(network, server, { type: 'ps', index: 0 }, [...args, ...policy]),
    ...workers.map((name, index) => start(network, name, { type: 'worker', index }, args)),
  ];
  const ended = Promise.all(processes.map((process) => process.ended));
  try {
    await Promise.all([ended, meanwhile?.(network, { snapshots, ended })]);
  } finally {
    for (const { child } of processes) child.kill('SIGKILL');
  }
  return ['model.safetensors', 'optimizer.safetensors'].map((name) => readFileSync(join(out, name)));
}

/** Why the kernel cannot do it, or undefined. */
function shape(network, { discipline }) {
  try {
    if (discipline) network.shape(...discipline);
    return undefined;
  } catch (error) {
    if (/kind is unknown|not found|No such file/i.test(error.message)) return `this kernel has no ${discipline[0]}`;
    throw error;
  }
}

/** Trains under the condition, if the kernel can make it; resolves to what was learnt, and says how long it took. */
async function tryOut(network, name, condition, folder) {
  const lacks = shape(network, condition);
  if (lacks) return { verdict: `skipped: ${name}: ${lacks}` };
  const began = performance.now();
  const learnt = await train(network, condition, folder);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const { sent, dropped } = network.traffic();
  network.unshape();
  if (condition.mustDrop && dropped === 0) throw new Error(`${name}: no packet was dropped of ${sent}`);
  return { learnt, verdict: `${name}: ${flags.steps} steps in ${seconds} s` };
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
