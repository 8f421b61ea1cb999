// Trains again and again while processes are killed at random moments. Compares each trained model, bit for bit, with
// that of an undisturbed run. Linux only: it finds the processes in /proc.
//   node benchmarks/kill-soak/run.mjs [--kills 100] [--seed 1] [--workers 2] [--servers 2] [--steps 1500] [--log FILE]
// Each kill is SIGKILL for one worker, one server, all of them, or all of them and the launcher, which is then
// restarted with --resume. The seed decides the victim and the time. The step at which it happens depends on the
// machine.
import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '@unroll/core/decoding';
import { Bar, Presets } from 'cli-progress';

const { values: flags } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    servers: { type: 'string', default: '2' },
    steps: { type: 'string', default: '1500' },
    log: { type: 'string' },
  },
});
const kills = Number(flags.kills);
const random = seededRandom(Number(flags.seed));
const folder = mkdtempSync(join(tmpdir(), 'kill-soak-'));
const logFile = flags.log ?? join(folder, 'log.txt');
const program = fileURLToPath(new URL('../../packages/trainer/bin/unroll.js', import.meta.url));

/** Seconds between two kills. */
const [shortest, longest] = [0.3, 12];

/** Weights of the victims, out of 20 kills. */
const victims = [
  ...Array(8).fill('a worker'),
  ...Array(7).fill('a server'),
  ...Array(4).fill('all'),
  'all and the launcher',
];

writeFileSync(logFile, '');
const began = performance.now();
function log(line) {
  appendFileSync(logFile, `${((performance.now() - began) / 1000).toFixed(2)} ${line}\n`);
}

/** The files of a checkpoint that contain what was learned. */
function learnt(out) {
  return ['model.safetensors', 'optimizer.safetensors'].map((name) => readFileSync(join(out, name)));
}

function launch(out, resume) {
  const size = [
    '--hidden-dim',
    '32',
    '--embedding-dim',
    '16',
    '--dropout',
    '0.1',
    '--batch-size',
    '8',
    '--threads',
    '1',
  ];
  const cluster = ['--workers', flags.workers, '--servers', flags.servers, '--max-restarts', '100000'];
  const run = ['--max-steps', flags.steps, '--snapshot-every', '20', ...(resume ? ['--resume'] : [])];
  const child = spawn(
    process.execPath,
    [program, 'train', '--data', 'grammar', '--out', out, ...size, ...cluster, ...run],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  child.stderr.setEncoding('utf8').on('data', (text) => {
    for (const line of text.trim().split('\n')) log(`  ${line}`);
  });
  const ended = new Promise((resolve) => {
    child.once('close', (status, signal) => resolve({ status, signal }));
  });
  return { child, ended };
}

/** Returns the launcher's processes by their command. */
function childrenOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
  const commandOf = (child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').split('\0');
  const having = (command) => children.filter((child) => commandOf(child).includes(command));
  return { workers: having('worker'), servers: having('param-server') };
}

function kill(launcher) {
  const victim = victims[Math.floor(random() * victims.length)];
  const chosen = random();
  const { workers, servers } = childrenOf(launcher.pid);
  const oneOf = (pids) => pids.slice(Math.floor(chosen * pids.length)).slice(0, 1);
  const pids = {
    'a worker': oneOf(workers),
    'a server': oneOf(servers),
    all: [...workers, ...servers],
    'all and the launcher': [launcher.pid, ...workers, ...servers],
  }[victim];
  log(`kill ${victim}: ${pids.join(' ')}`);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}

/** Trains to the end under kills; returns their number. */
async function trainUnderFire(out, mostKills) {
  let killed = 0;
  let { child, ended } = launch(out, false);
  for (;;) {
    const pause = sleep((shortest + random() * (longest - shortest)) * 1000);
    const outcome = await Promise.race([ended, killed < mostKills ? pause : ended]);
    if (outcome?.status === 0) return killed;
    if (outcome?.signal === 'SIGKILL') ({ child, ended } = launch(out, true));
    else if (outcome) throw new Error(`the run failed with status ${outcome.status}; see ${logFile}`);
    else {
      kill(child);
      killed += 1;
    }
  }
}

const undisturbed = join(folder, 'undisturbed');
log('undisturbed');
if ((await launch(undisturbed, false).ended).status !== 0) throw new Error(`the run failed; see ${logFile}`);
const expected = learnt(undisturbed);
const bar = new Bar(
  { format: 'kill soak {bar} {value}/{total} kills | {runs} runs alike | {eta_formatted} left' },
  Presets.shades_classic,
);
bar.start(kills, 0, { runs: 0 });
let [killed, runs] = [0, 0];
while (killed < kills) {
  const out = join(folder, `run-${runs}`);
  log(`run ${runs}`);
  killed += await trainUnderFire(out, kills - killed);
  const same = learnt(out).every((bytes, k) => bytes.equals(expected[k]));
  log(same ? `run ${runs}: the same bits` : `run ${runs}: OTHER BITS`);
  if (!same) throw new Error(`run ${runs} learnt something else; see ${logFile} and ${out}`);
  rmSync(out, { recursive: true });
  runs += 1;
  bar.update(killed, { runs });
}
bar.stop();
console.log(
  JSON.stringify({
    kills: killed,
    runs,
    seed: Number(flags.seed),
    seconds: Math.round((performance.now() - began) / 1000),
    log: logFile,
  }),
);
if (flags.log) rmSync(folder, { recursive: true });
