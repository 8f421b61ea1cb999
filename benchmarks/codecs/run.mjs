// Measures the bytes and the perplexity of each gradient codec: trains the same model with two workers and a server,
// with each codec in turn, and counts every byte between them in a proxy.
//   node benchmarks/codecs/run.mjs [--data grammar] [--flags="--hidden-dim 256 …"] [--snapshot-every 500] [--json FILE]
//     [NAME…]
// A NAME is one of `ways` below; by default all. The others are compared with the first that is run.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const local = (steps) => ['--mode', 'local', '--local-steps', String(steps)];
const codec = (name) => ['--gradient-codec', name];
const ways = {
  float32: [],
  bfloat16: codec('bfloat16'),
  int8: codec('int8'),
  'power-sgd:4': codec('power-sgd:4'),
  'top-k:0.01': codec('top-k:0.01'),
  'top-k:0.001': codec('top-k:0.001'),
  'local 100': local(100),
  'local 100, int8': [...local(100), ...codec('int8')],
  'local 100, top-k:0.25': [...local(100), ...codec('top-k:0.25')],
  'local 200': local(200),
};

/**
 * A small model whose gradients are still far larger than its lanes' states. It uses momentum, which top-k leaves to
 * the workers.
 */
const defaultFlags =
  '--embedding-dim 64 --hidden-dim 256 --batch-size 8 --optimizer momentum --learning-rate 0.5 --clip-norm 0.5 --epochs 1';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string', default: 'grammar' },
    flags: { type: 'string', default: defaultFlags },
    'snapshot-every': { type: 'string', default: '500' },
    json: { type: 'string' },
  },
});
const unroll = fileURLToPath(new URL('../../packages/trainer/bin/unroll.js', import.meta.url));
const workers = 2;

function start(...args) {
  return spawn(process.execPath, [unroll, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Returns the first of a process's log lines that matches. */
async function logged(child, pattern) {
  for await (const line of createInterface({ input: child.stderr })) {
    const match = pattern.exec(line);
    if (match) return match;
  }
  throw new Error(`a process ended without logging ${pattern}`);
}

/** Forwards connections to a port and counts the bytes of each direction. */
async function countingProxy(port) {
  const bytes = { up: 0, down: 0 };
  const proxy = createServer((worker) => {
    const server = connect(port, '127.0.0.1');
    worker.on('data', (data) => {
      bytes.up += data.length;
    });
    server.on('data', (data) => {
      bytes.down += data.length;
    });
    worker.pipe(server).pipe(worker);
    for (const socket of [worker, server]) socket.setNoDelay(true).on('error', () => undefined);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  return { bytes, port: proxy.address().port, close: () => proxy.close() };
}

async function textOf(stream) {
  let text = '';
  for await (const data of stream.setEncoding('utf8')) text += data;
  return text;
}

async function train(name) {
  const folder = mkdtempSync(join(tmpdir(), 'codecs-'));
  const checkpoint = join(folder, 'checkpoint');
  const snapshots = ['--snapshot-dir', join(folder, 'snapshots'), '--snapshot-every', flags['snapshot-every']];
  const server = start('param-server', '--port', '0', '--workers', String(workers), ...snapshots);
  const [, port] = await logged(server, /listens on \S+:(\d+)/);
  server.stderr.resume();
  const proxy = await countingProxy(Number(port));
  const began = performance.now();
  const children = Array.from({ length: workers }, (_, worker) => {
    const place = ['--worker', worker, '--workers', workers, '--server-addresses', `127.0.0.1:${proxy.port}`];
    const what = ['--data', flags.data, '--out', checkpoint, '--threads', 1, '--json'];
    const child = start('worker', ...[...what, ...place].map(String), ...flags.flags.split(' '), ...ways[name]);
    child.stderr.pipe(process.stderr);
    return { printed: textOf(child.stdout), ended: once(child, 'close') };
  });
  const statuses = await Promise.all(children.map(async ({ ended }) => (await ended)[0]));
  if (statuses.some((status) => status !== 0)) throw new Error(`training with ${name} failed`);
  const { tokens } = JSON.parse(await children[0].printed);
  const args = [unroll, 'eval', '--checkpoint', checkpoint, '--data', flags.data, '--json'];
  const evaluated = JSON.parse(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout);
  proxy.close();
  rmSync(folder, { recursive: true });
  const perToken = (count) => Number((count / tokens).toPrecision(4));
  return {
    name,
    upPerToken: perToken(proxy.bytes.up),
    downPerToken: perToken(proxy.bytes.down),
    perplexity: evaluated.perplexity,
    seconds: Math.round((performance.now() - began) / 1000),
  };
}

const results = [];
for (const name of positionals.length > 0 ? positionals : Object.keys(ways)) {
  if (!ways[name]) throw new Error(`${name} is none of ${Object.keys(ways).join('; ')}`);
  const result = await train(name);
  const base = results[0] ?? result;
  results.push({
    ...result,
    timesFewer: Number(((base.upPerToken + base.downPerToken) / (result.upPerToken + result.downPerToken)).toFixed(1)),
    costPercent: Number((100 * (result.perplexity / base.perplexity - 1)).toFixed(2)),
  });
  console.log(JSON.stringify(results.at(-1)));
}
console.table(results);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, null, 2)}\n`);
