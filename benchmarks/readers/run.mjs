// Measures memory and time for reading a large corpus. It generates a text in the layout of the One Billion Word
// Benchmark. A separate process then counts the vocabulary, encodes the text and draws the batches of an epoch.
//   node benchmarks/readers/run.mjs [--megabytes 2000] [--words 800000]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '2000' },
    words: { type: 'string', default: '800000' },
  },
});

function run(script, ...args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return execFileSync(process.execPath, [path, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

const folder = mkdtempSync(join(tmpdir(), 'unroll-readers-'));
try {
  run('generate.mjs', folder, flags.megabytes, flags.words);
  const lines = run('read.mjs', folder).trim().split('\n');
  console.table(
    lines.map((line) => {
      const { name, seconds, peakMegabytes, ...counts } = JSON.parse(line);
      return { name, seconds: seconds?.toFixed(1), 'peak MB': Math.round(peakMegabytes), ...counts };
    }),
  );
} finally {
  rmSync(folder, { recursive: true });
}
