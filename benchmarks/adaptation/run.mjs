// Measures the gain of dynamic evaluation and the neural cache on a text: perplexity and tokens per second of one
// checkpoint, evaluated in every way.
//   node benchmarks/adaptation/run.mjs CHECKPOINT DATA [--split test] [--threads 1] [--ways "--cache 500;--dynamic sgd"]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    split: { type: 'string', default: 'test' },
    threads: { type: 'string', default: '1' },
    ways: {
      type: 'string',
      default:
        ';--cache 500;--cache 2000;--dynamic sgd;--dynamic rms;--dynamic rms --cache 500;--dynamic rms --cache 2000',
    },
  },
});
const [checkpoint, data] = positionals;
if (!data) throw new Error('give the folders of the checkpoint and of the corpus');
const unroll = fileURLToPath(new URL('../../packages/trainer/bin/unroll.js', import.meta.url));
const common = [
  '--checkpoint',
  checkpoint,
  '--data',
  data,
  '--split',
  flags.split,
  '--threads',
  flags.threads,
  '--json',
];

for (const way of flags.ways.split(';')) {
  const start = performance.now();
  const args = [unroll, 'eval', ...common, ...way.split(' ').filter((word) => word !== '')];
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`unroll eval ${way} failed`);
  const { perplexity, tokens } = JSON.parse(stdout);
  const seconds = (performance.now() - start) / 1000;
  const tokensPerSecond = Math.round(tokens / seconds);
  console.log(
    JSON.stringify({ way: way || 'plain', perplexity, tokens, seconds: Math.round(seconds), tokensPerSecond }),
  );
}
