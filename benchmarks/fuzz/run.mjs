// Sends a parameter server, a gateway and a run's page messages that no honest client sends, while an honest run trains.
// The messages are recorded ones with changes, and random bytes: over gRPC, bulk connections, raw HTTP/2 and HTTP/1.
// First a stranger sends two of three, without the token or with a wrong one; then a worker that has joined.
//   node benchmarks/fuzz/run.mjs [--messages 10000] [--seed 1] [--as stranger|worker] [--from 0] [--log FILE]
// Exits with status 1 at the first fault: a process ends, writes a stack trace, does not answer a health check within
// --patience seconds or takes more than --memory MiB; a stranger is let in; parameters are not finite; or, after a
// stranger's messages, the run has not learned the same bits as an undisturbed one. Names the messages that were being
// answered then; --as, --from and --messages send them again. Ctrl-C reports what was sent so far. Reads memory on Linux
// only; build first.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Bar, Presets } from 'cli-progress';
import { Fuzzing } from './fuzzing.mjs';
import { recordCalls } from './record.mjs';
import { Run } from './run-processes.mjs';

const { values: flags } = parseArgs({
  options: {
    messages: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    as: { type: 'string' },
    from: { type: 'string', default: '0' },
    memory: { type: 'string', default: '512' },
    patience: { type: 'string', default: '10' },
    log: { type: 'string' },
  },
});
if (flags.as !== undefined && !['stranger', 'worker'].includes(flags.as)) {
  console.error(`fuzz: --as: nobody sends messages as '${flags.as}'; write stranger or worker`);
  process.exit(2);
}
const [messages, seed, from] = [flags.messages, flags.seed, flags.from].map(Number);

/** Messages after which a joined worker's run is replaced by one of the next kind. */
const longestRound = 20_000;

/** The kinds of run that a worker joins. */
const modes = [
  { name: 'common steps' },
  { name: 'own pace', staleness: 1 },
  { name: 'elastic', serverFlags: ['--min-workers', '1'] },
  { name: 'backup workers', serverFlags: ['--backup-workers', '1'] },
];

const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
const began = performance.now();
const tables = { kinds: new Map(), statuses: new Map(), runs: new Map() };
const running = new Set();
let [peakMemory, slowestHealth, logLines] = [0, 0, 0];
let fuzzing;

/** Ends everything at a fault, and says what was being answered. */
function fault(what) {
  const lines = [`fault: ${what}`, ...(fuzzing?.inFlight ?? [])];
  console.error(`\n${lines.join('\n  ')}`);
  if (flags.log) writeFileSync(flags.log, `${lines.join('\n')}\n`);
  for (const run of running) run.kill();
  process.exit(1);
}

async function start(options) {
  const limits = { memory: Number(flags.memory) * 2 ** 20, patience: 1000 * Number(flags.patience) };
  const snapshots = mkdtempSync(join(folder, 'snapshots-'));
  const run = await Run.start({ token: randomBytes(16).toString('hex'), snapshots, fault, ...limits, ...options });
  running.add(run);
  return run;
}

async function end(run) {
  await run.checkHttpDoors();
  running.delete(run);
  await run.end();
  note(run);
}

function note(run) {
  peakMemory = Math.max(peakMemory, run.peakMemory);
  slowestHealth = Math.max(slowestHealth, run.slowestHealth);
  logLines += run.logLines;
}

/** Sends the messages `[begin, end)`, or fewer if the run ends; returns the number of the next. */
function send(run, who, begin, end, mode) {
  fuzzing = new Fuzzing({ run, who, seed, calls, staleness: mode?.staleness, fault, answered });
  return fuzzing.send(begin, end);
}

function count(table, key) {
  table.set(key, (table.get(key) ?? 0) + 1);
}

function answered({ who, door, kind, status }) {
  count(tables.kinds, `${who.padEnd(9)}${door.padEnd(10)}${kind}`);
  count(tables.statuses, `${who.padEnd(9)}${door.padEnd(10)}${status}`);
  bar.increment();
}

async function asStranger(begin, total) {
  const trainer = { workers: [0, 1], of: 2 };
  const disturbed = await start({ trainer: { ...trainer, pause: 100 } });
  await send(disturbed, 'stranger', begin, begin + total);
  if ((await disturbed.gathered()).received > 0) fault('the gateway has taken an update of a stranger');
  const learned = await disturbed.learned();
  await end(disturbed);
  fuzzing = undefined;
  const undisturbed = await start({ trainer: { ...trainer, pause: 0, steps: learned.step } });
  const { digest } = await undisturbed.learned();
  await end(undisturbed);
  if (digest !== learned.digest) fault(`the honest run has learned other bits in its ${learned.step} steps`);
  count(tables.runs, `a stranger beside a run of ${learned.step} steps: the same bits as undisturbed`);
}

async function asWorker(begin, total) {
  const last = begin + total;
  const share = Math.min(longestRound, Math.ceil(total / modes.length));
  for (let [next, k] = [begin, 0]; next < last; k++) {
    const mode = modes[k % modes.length];
    const trainer = { workers: [0], of: 2, pause: 50, goesOn: true, staleness: mode.staleness };
    const run = await start({ trainer, mayEnd: true, serverFlags: mode.serverFlags });
    next = await send(run, 'worker', next, Math.min(last, next + share), mode);
    if (!(await run.gathered()).isFinite) fault('the mean of the gateway is not finite');
    await end(run);
    count(tables.runs, `a worker of a run with ${mode.name}`);
  }
}

function report() {
  const seconds = Math.round((performance.now() - began) / 1000);
  for (const run of running) note(run);
  const section = (title, table) => [
    '',
    title,
    ...[...table].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, times]) => `${`${times}`.padStart(9)}  ${key}`),
  ];
  const sent = [...tables.statuses.values()].reduce((sum, times) => sum + times, 0);
  const summary = { messages: sent, seed, seconds, peakMemoryMiB: Math.round(peakMemory / 2 ** 20) };
  const lines = [
    JSON.stringify({ ...summary, slowestHealthMilliseconds: Math.round(slowestHealth), logLines, faults: 0 }),
    `${cpus().length} × ${cpus()[0]?.model ?? 'processor'}, Node ${process.version}`,
    ...section('runs', tables.runs),
    ...section('messages by sender, door and status', tables.statuses),
    ...section('messages by sender, door and kind', tables.kinds),
  ];
  if (flags.log) writeFileSync(flags.log, `${lines.join('\n')}\n`);
  console.log(flags.log ? lines[0] : lines.join('\n'));
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    report();
    for (const run of running) run.kill();
    process.exit(1);
  });
}
const calls = await recordCalls();
const bar = new Bar({ format: 'fuzz {bar} {value}/{total} messages | {eta_formatted} left' }, Presets.shades_classic);
bar.start(messages, 0);
const ofWorkers = flags.as ? messages : Math.floor(messages / 3);
if (flags.as !== 'worker') await asStranger(from, flags.as ? messages : messages - ofWorkers);
if (flags.as !== 'stranger') await asWorker(from, ofWorkers);
bar.stop();
rmSync(folder, { recursive: true, force: true });
report();
process.exit(0);
