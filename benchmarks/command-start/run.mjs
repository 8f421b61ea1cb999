// The time that commands take, from the joined files of dist/command/ and from the packages' separate modules, in turns:
//   node benchmarks/command-start/run.mjs
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { median } from '../common.mjs';

const trainer = fileURLToPath(new URL('../../packages/trainer/', import.meta.url));
const joined = [join(trainer, 'bin/unroll.js')];
const separateMain = `const { main } = await import(${JSON.stringify(pathToFileURL(join(trainer, 'dist/cli.js')).href)});
process.exitCode = await main(process.argv.slice(1));`;
const separate = ['--input-type=module', '--eval', separateMain, '--'];
const pairs = 9;

const folder = mkdtempSync(join(tmpdir(), 'unroll-command-start-'));
const text = join(folder, 'text.txt');
const run = join(folder, 'run');
writeFileSync(text, 'to be or not to be that is the question\n'.repeat(40));
const training = ['train', '--data', text, '--epochs', '1', '--hidden-dim', '16', '--batch-size', '2', '--overwrite'];
const commands = {
  train: [...training, '--out', run],
  generate: ['generate', '--checkpoint', run, '--prompt', 'to be', '--tokens', '3'],
};

try {
  for (const [name, args] of Object.entries(commands)) {
    const times = { joined: [], separate: [] };
    for (let pair = 0; pair < pairs; pair++) {
      times.joined.push(seconds([...joined, ...args]));
      times.separate.push(seconds([...separate, ...args]));
    }
    const ratios = times.separate.map((time, pair) => time / times.joined[pair]);
    const figures = [median(times.joined), median(times.separate), median(ratios)].map((x) => x.toFixed(2));
    console.log(`${name}: joined ${figures[0]} s, separate ${figures[1]} s; median of the ratios ${figures[2]}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function seconds(args) {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return (performance.now() - start) / 1000;
}
