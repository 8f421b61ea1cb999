// Trains a language model whose embedding and output layer are one table of 800,000 words in rows of 512, on four
// parameter servers, with two workers that hold only the rows of their batch. Reports the memory of each process and
// the bytes of a step, beside the size of parameters and optimizer state and the traffic of whole tables.
//   node benchmarks/big-tables/run.mjs [--vocabulary 800000] [--steps 20] [--optimizer sgd] [--snapshot-every 5] [--json FILE]
// A snapshot takes as much disk space as parameters and state, and three are kept; 0 for none.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { defaultOptimizer, languageModelConfig, parameterShapes } from '@unroll/core';
import { optimizerSlots } from '@unroll/core/config';
import { elementCount } from '@unroll/core/onnx';
import { serverEnvironment } from '../common.mjs';

const { values: flags } = parseArgs({
  options: {
    vocabulary: { type: 'string', default: '800000' },
    steps: { type: 'string', default: '20' },
    optimizer: { type: 'string', default: 'sgd' },
    'snapshot-every': { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
const [shards, workers] = [4, 2];
const optimizer = defaultOptimizer(flags.optimizer);
const size = { vocabSize: Number(flags.vocabulary), dim: 512, samples: 8192, lanes: 20, time: 35 };

function start(name, ...args) {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const env = name === 'server.mjs' ? serverEnvironment : process.env;
  const options = { env, stdio: ['ignore', 'pipe', 'inherit'] };
  const child = spawn(process.execPath, [script, ...args.map(String)], options);
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

const folder = mkdtempSync(join(tmpdir(), 'big-tables-'));
const snapshots = [folder, flags['snapshot-every']];
const servers = Array.from({ length: shards }, (_, shard) => start('server.mjs', shard, shards, workers, ...snapshots));
const ports = await Promise.all(servers.map((server) => server.line()));
const task = JSON.stringify({ ports, workers, steps: Number(flags.steps), ...size, optimizer });
const trained = await Promise.all(
  Array.from({ length: workers }, (_, worker) => result(start('worker.mjs', worker, task))),
);
const served = await Promise.all(servers.map(result));
rmSync(folder, { recursive: true });

const { vocabSize, dim } = size;
const model = languageModelConfig({ vocabSize, embeddingDim: dim, hiddenDim: dim, tieWeights: true });
const elements = Object.values(parameterShapes(model)).reduce((sum, shape) => sum + elementCount(shape), 0);
const held = (4 * elements * (1 + optimizerSlots(optimizer).length)) / 1e6 / shards;
const rounded = (values) => Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Math.round(value)]));
console.log(`${(elements / 1e6).toFixed(1)} M parameters, ${optimizer.name}; MB of each process`);
console.table(
  served.map(({ idle, end, peak }) => ({
    ...rounded({ 'parameters and state': held, idle, end, peak }),
    'end less idle': `${((100 * (end - idle)) / held).toFixed(0)} %`,
    'peak less idle': `${((100 * (peak - idle)) / held).toFixed(0)} %`,
  })),
);
console.table(
  trained.map(({ sent, received, peak, seconds, losses }) => ({
    'MB sent a step': (sent / 1e6).toFixed(1),
    'MB received a step': (received / 1e6).toFixed(1),
    'of whole tables': `${((100 * (sent + received)) / (2 * 4 * elements)).toFixed(1)} %`,
    ...rounded({ 'peak MB': peak }),
    's a step': seconds.toFixed(2),
    losses: `${losses[0].toFixed(2)} to ${losses.at(-1).toFixed(2)}`,
  })),
);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify({ held, served, trained }, null, 2)}\n`);
