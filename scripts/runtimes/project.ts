/**
 * An outside project with the packed packages installed, built for each kind of runtime. It is in .cache/runtimes, so
 * that the packages' own dependencies are resolved from this workspace.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, type InlineConfig } from 'vite';
import { filesOf } from '../../packages/edge-runtime/src/testing/sample-bundle.js';
import type { Files } from './bundles.js';
import { cache, root } from './installation.js';

const run = promisify(execFile);

export interface Project extends AsyncDisposable {
  /** A module for Node, Bun and Deno that imports the packed packages. */
  readonly command: string;
  /** A module for workerd that includes the packages, except the kernels, and the kernels' file. */
  readonly worker: { readonly module: string; readonly kernels: string };
  /** The files of a page for browsers, by path. */
  readonly page: Files;
}

/** Packs the built packages, and builds the project with them. */
export async function buildProject(): Promise<Project> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'project-'));
  await cp(join(root, 'scripts/runtimes/project'), folder, { recursive: true });
  for (const name of ['core', 'edge-runtime']) await unpack(name, join(folder, 'node_modules/@unroll', name));
  const common: InlineConfig = { root: folder, configFile: false, logLevel: 'error', base: './' };
  await build({ ...common, build: { outDir: 'command', ssr: 'command.ts', target: 'node20' } });
  await build({
    ...common,
    ssr: {
      target: 'webworker',
      noExternal: true,
      resolve: { conditions: ['workerd', 'worker', 'browser', 'module', 'production'] },
    },
    build: {
      outDir: 'worker',
      ssr: 'worker.ts',
      target: 'es2022',
      rolldownOptions: { external: (id) => id.endsWith('.wasm'), output: { codeSplitting: false } },
    },
  });
  await build({ ...common, build: { outDir: 'page', target: 'es2022' } });
  return {
    command: join(folder, 'command/command.js'),
    worker: {
      module: join(folder, 'worker/worker.js'),
      kernels: join(folder, 'node_modules/@unroll/edge-runtime/dist/kernels.wasm'),
    },
    page: await filesOf(join(folder, 'page')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** Packs a package of this workspace with `npm pack` and unpacks it into `folder`. */
async function unpack(name: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const options = { cwd: root, shell: process.platform === 'win32' };
  const destination = ['-w', `packages/${name}`, '--pack-destination', folder];
  const { stdout } = await run('npm', ['pack', '--json', ...destination], options);
  // npm 11 prints an object by package name; npm 10 prints a list.
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, { filename: string }>);
  await run('tar', ['-xzf', join(folder, packed!.filename), '-C', folder, '--strip-components=1']);
}
