/**
 * For tests: projects outside the repository that install the packed packages, and others from a registry, as users do.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../../../../', import.meta.url));
export const packageNames = ['core', 'edge-runtime', 'param-server', 'trainer'] as const;
type PackageName = (typeof packageNames)[number];

/** Whether npm reaches a registry; otherwise these tests are skipped. */
export const online = await execute('npm', ['view', 'publint', 'version']).then(
  () => true,
  () => false,
);
if (!online) console.warn('tests of installed packages skipped: npm reaches no registry');

/** Whether to test every bundler, which takes longer than all other tests of installed packages. */
export const allBundlers = process.env.UNROLL_BUNDLERS === 'all';

/** The built packages as packed by `npm pack`, in a temporary folder. */
export interface Tarballs extends AsyncDisposable {
  pathOf(name: PackageName): string;
}

export async function packed(): Promise<Tarballs> {
  const folder = await mkdtemp(join(tmpdir(), 'unroll-tarballs-'));
  const workspaces = packageNames.flatMap((name) => ['-w', `packages/${name}`]);
  await execute('npm', ['pack', ...workspaces, '--pack-destination', folder], { cwd: root });
  const files = await readdir(folder);
  return {
    pathOf: (name) => join(folder, files.find((file) => file.startsWith(`unroll-${name}-`))!),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

export interface Project extends AsyncDisposable {
  readonly path: string;
  /**
   * Runs a program of an installed package, or `node`, and returns its output.
   * @throws Error with the whole output if it fails
   */
  run(program: string, ...args: readonly string[]): Promise<string>;
  /** The size of the installed packages, in MB. */
  megabytes(): Promise<number>;
}

/**
 * Creates a project with our packages `ours`, and others by name and version, installed without their install scripts.
 * @param files contents by path
 * @param fields fields of its package.json
 */
export async function outsideProject(
  tarballs: Tarballs,
  ours: readonly PackageName[],
  others: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  fields: object = {},
): Promise<Project> {
  const path = await mkdtemp(join(tmpdir(), 'unroll-outside-'));
  const dependencies: Record<string, string> = { ...others };
  for (const name of ours) dependencies[`@unroll/${name}`] = `file:${tarballs.pathOf(name)}`;
  const manifest = JSON.stringify({ private: true, type: 'module', dependencies, ...fields });
  for (const [name, contents] of Object.entries({ ...files, 'package.json': manifest })) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), contents);
  }
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: undefined, NODE_OPTIONS: undefined };
  const run = async (program: string, ...args: readonly string[]) => {
    const command = ['node', 'npm', 'du'].includes(program) ? program : join(path, 'node_modules/.bin', program);
    try {
      const { stdout, stderr } = await execute(command, args, { cwd: path, env, maxBuffer: 2 ** 26 });
      return stdout + stderr;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${[program, ...args].join(' ')} failed:\n${stdout}\n${stderr}`);
    }
  };
  await run('npm', 'install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund');
  return {
    path,
    run,
    megabytes: async () => Number.parseInt(await run('du', '-sk', 'node_modules'), 10) / 1000,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}
