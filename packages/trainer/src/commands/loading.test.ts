// TensorFlow.js, ONNX Runtime and gRPC take a second of processor time to load; a command loads them only if it needs
// them.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bin/unroll.js', import.meta.url));

/** Code that writes the path of each file that was loaded to descriptor 3 when the process ends. */
const registration = `import fs from 'node:fs'; import { createRequire } from 'node:module';
const { cache } = createRequire(${JSON.stringify(import.meta.url)});
process.on('exit', () => fs.writeSync(3, Object.keys(cache).join('\\n')));`;

/** Returns the third-party packages that `unroll` loads with these arguments, and its exit status. */
function load(args: readonly string[]): { readonly status: number | null; readonly packages: readonly string[] } {
  const { status, output } = spawnSync(process.execPath, ['--import', dataUrl(registration), program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  const files = output[3]!.trim().split('\n');
  expect(files.some((file) => file.endsWith('/dist/command/main.cjs'))).toBe(true);
  const names = files.map((file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]);
  return { status, packages: [...new Set(names.filter((name) => name !== undefined))] };
}

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

test.each([
  [0, '--help'],
  [0, '--version'],
  [0, 'train --help'],
  [2, 'trian'],
  [2, 'train --data grammar --out x --batchsize 4'],
  [2, 'worker --data grammar --out x --worker 2 --workers 2 --server-addresses ps0:7000'],
  [2, 'param-server --host 0.0.0.0 --port 0 --workers 1'],
  [2, 'score --text a'],
])('status %i: unroll %s loads nothing but the parser of its arguments', (status, line) => {
  expect(load(line.split(' '))).toEqual({ status, packages: ['commander'] });
});

test('wrong settings of a training load nothing but what checks them', () => {
  const line = 'train --data grammar --out x --tie-weights --hidden-dim 9';
  expect(load(line.split(' '))).toEqual({ status: 2, packages: ['commander', 'zod'] });
});
