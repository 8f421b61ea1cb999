/** The runtimes in which bundles are tested, each with its version on this machine and a way to run the task in it. */
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findBrowsers, reportOfPage } from './browsers.js';
import { cache, programOf, root, versionOf } from './installation.js';
import type { Report, Task } from './project/probe.js';
import type { Project } from './project.js';

export interface Runtime {
  readonly name: string;
  /** Undefined if this machine does not have the runtime. */
  readonly version: string | undefined;
  /** Whether it also reads bundles from folders. */
  readonly hasFiles: boolean;
  run(project: Project, task: Task): Promise<Report>;
}

const platform = `${process.platform}-${process.arch}`;

/** The programs of the installed Node versions, by major version. */
export function nodePrograms(): Map<number, string> {
  const found = [20, 22, 24, 26].map((major) => [major, programOf([`node-${major}-${platform}`], 'bin/node')] as const);
  return new Map(found.filter((entry): entry is [number, string] => entry[1] !== undefined));
}

/** All runtimes; those missing on this machine have no version. */
export async function findRuntimes(): Promise<Runtime[]> {
  const nodes = nodePrograms();
  const bun = programOf([`@oven/bun-${platform.replace('arm64', 'aarch64')}`], 'bin/bun');
  const deno = programOf([`@deno/${platform}-glibc`, `@deno/${platform}`], 'deno');
  const permissions = [
    '--no-remote',
    '--node-modules-dir=manual',
    '--allow-read',
    '--allow-env',
    '--allow-net=127.0.0.1',
  ];
  return [
    ...[20, 22, 24, 26].map((major) => commandLine(`Node ${major}`, nodes.get(major), [])),
    commandLine('Bun', bun, []),
    commandLine('Deno', deno, ['run', ...permissions]),
    workerd([...nodes.values()].at(-1)),
    ...(await findBrowsers()).map(({ name, version, open }) => ({
      name,
      version,
      hasFiles: false,
      run: (project: Project, task: Task) => reportOfPage(open, project.page, task),
    })),
  ];
}

/** A runtime that runs a module on the command line and reads the report from its output. */
function commandLine(name: string, program: string | undefined, options: readonly string[]): Runtime {
  return {
    name,
    version: program && /\d+(\.\d+)+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))![0],
    hasFiles: true,
    run: ({ command }, task) => reportOf(program!, [...options, command, JSON.stringify(task)]),
  };
}

/** Cloudflare's workerd, started by miniflare, which runs in `node`. */
function workerd(node: string | undefined): Runtime {
  const host = join(root, 'scripts/runtimes/workerd.mjs');
  return {
    name: 'workerd',
    version: node && versionOf('workerd'),
    hasFiles: false,
    run: ({ worker }, task) => reportOf(node!, [host, cache, worker.module, worker.kernels, JSON.stringify(task)]),
  };
}

async function reportOf(program: string, args: readonly string[]): Promise<Report> {
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 2 ** 27, cwd: cache });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Report;
}
