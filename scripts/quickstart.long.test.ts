// The quickstart's browser part on a machine that has no Chromium, but can install one.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { executablePath } from '../packages/edge-runtime/src/testing/browser.js';
import { folderOf, sampleBundle } from '../packages/edge-runtime/src/testing/sample-bundle.js';

/** Calls the quickstart's browser part, and prints its result as the last line. */
const program = `
  import { generateInBrowser } from ${JSON.stringify(fileURLToPath(new URL('quickstart-browser.mjs', import.meta.url)))};
  const [bundle, page] = process.argv.slice(1);
  console.log(JSON.stringify(await generateInBrowser(bundle, page, 'the river')));
`;

test.skipIf(!executablePath || process.platform !== 'linux')(
  'without a Chromium, one is installed and used',
  async () => {
    const path = await mkdtemp(join(tmpdir(), 'unroll-path-'));
    await using bundle = await folderOf(await sampleBundle('int8'));
    const script = (name: string, lines: string) =>
      writeFile(join(path, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
    // Both ways to install a Chromium put a link to the real one into PATH, which has nothing else.
    await script('real', `PATH='${process.env.PATH}' exec '${executablePath}' "$@"`);
    const install = `case "$*" in *install*chromium*) /bin/ln -s '${join(path, 'real')}' '${join(path, 'chromium')}';; esac`;
    await script('apt-get', install);
    await script('npx', install);
    const { CHROMIUM_PATH: _, ...environment } = process.env;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program, bundle.path, join(path, 'page')],
      { env: { ...environment, PATH: path, PLAYWRIGHT_BROWSERS_PATH: path } },
    );
    expect(stderr).toContain('chromium: none found; ');
    const shown = JSON.parse(stdout.trim().split('\n').at(-1)!) as { text: string; version: string };
    expect(shown.text).toMatch(/^the river./);
    expect(shown.version).toMatch(/^Chromium \d/);
    await rm(path, { recursive: true });
  },
);
