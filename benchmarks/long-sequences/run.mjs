// Measures the peak memory of a training process over sequences of growing length, with the activations of all steps
// kept and with some at a time, beside PyTorch with and without torch.utils.checkpoint.
//   usage: run.mjs [--python PYTHON]
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({ options: { python: { type: 'string', default: '/usr/bin/python3' } } });
const programs = {
  unroll: [process.execPath, fileURLToPath(new URL('train.mjs', import.meta.url))],
  pytorch: [flags.python, fileURLToPath(new URL('pytorch.py', import.meta.url))],
};
/** Steps, and of how many the activations are kept: all, or about the square root's worth. */
const settings = [256, 512, 1024].flatMap((time) => [
  [time, time],
  [time, 32],
]);

function measure([command, program], setting) {
  return JSON.parse(execFileSync(command, [program, ...setting.map(String)], { encoding: 'utf8' }));
}

console.log(
  '| steps | activations kept of | peak, MB | before the first step | PyTorch: peak, MB | before | tokens/s | PyTorch |',
);
console.log(
  '| ----- | ------------------- | -------- | --------------------- | ----------------- | ------ | -------- | ------- |',
);
for (const setting of settings) {
  const [ours, theirs] = [programs.unroll, programs.pytorch].map((program) => measure(program, setting));
  const [time, every] = setting;
  const cells = [time, every === time ? 'all' : every, ours.peakMB, ours.compiledMB, theirs.peakMB, theirs.compiledMB];
  console.log(`| ${[...cells, ours.tokensPerSecond, theirs.tokensPerSecond].join(' | ')} |`);
}
