// The table of runtimes in docs/edge-runtime.md must list the tested runtimes. The long tests check its other
// statements.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './installation.js';
import { readMatrix } from './matrix.js';

test('the table in the documents has every pinned runtime, with its version', async () => {
  const lock = await readFile(join(root, 'scripts/runtimes/pinned/package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, { version: string }> };
  const pinned = new Map([
    ...[20, 22, 24, 26].map((major) => [`Node ${major}`, `node-${major}-linux-x64`] as const),
    ['Bun', 'bun'],
    ['Deno', 'deno'],
    ['workerd', 'workerd'],
  ]);
  const documented = new Map((await readMatrix()).map(({ runtime, version }) => [runtime, version]));
  for (const [runtime, name] of pinned) {
    expect(documented.get(runtime), runtime).toBe(packages[`node_modules/${name}`]?.version);
  }
  expect([...documented.keys()]).toEqual([...pinned.keys(), 'Chromium', 'Firefox ESR', 'WebKitGTK']);
});
