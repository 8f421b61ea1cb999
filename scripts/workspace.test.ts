// Rules across packages: published files exist, dependencies point one way, browsers can use the packages that are for
// them, and nothing in the repository belongs to one machine.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, defaultClientConditions, type Plugin, type Rolldown } from 'vite';
import { describe, expect, test } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

interface PackageJson {
  readonly name: string;
  readonly license: string;
  readonly keywords: readonly string[];
  readonly sideEffects: readonly string[];
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly imports?: Readonly<Record<string, Conditions>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

interface Conditions {
  readonly [condition: string]: string | Conditions;
}

const repository = 'https://github.com/unroll-lm/unroll';

/** Each package with those of our packages that it may depend on. */
const allowedDependencies: Readonly<Record<string, readonly string[]>> = {
  core: [],
  'param-server': ['core'],
  'edge-runtime': ['core'],
  trainer: ['core', 'param-server', 'edge-runtime'],
};
const packages = Object.keys(allowedDependencies);

/** The rooms of a package, from the ground floor up: a file imports only from its own room and from those before it. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  core: [
    // Ground floor: shapes, masks and named tensors; seeded random numbers; checks of configurations.
    ...['tensors', 'random', 'checks'],
    // Graphs as data, and the tracer that makes them from TensorFlow.js code.
    ...['generated', 'onnx', 'tracing'],
    // Stand alone: tokenizers, recordings, scores of translations, update rules.
    ...['text', 'audio', 'metrics', 'optimizers'],
    // From scores to results, without TensorFlow.js.
    'decoding',
    // The networks, from kernels to whole models.
    ...['kernels', 'recurrent', 'layers', 'models'],
    // Whole models of TensorFlow.js as ONNX.
    'conversion',
  ],
  trainer: [
    ...['generated', 'terminal'],
    // The table of options, from which messages of every room take their names.
    ...['configuration', 'engines'],
    // Stand alone: TensorFlow.js models step by step; what a machine has; files; event files.
    ...['compile', 'diagnosis', 'files', 'tensorboard'],
    'data',
    'checkpoint',
    // From checkpoints to results.
    ...['decoding', 'evaluation', 'elmo', 'import', 'gateway'],
    // Models of TensorFlow.js as ONNX files.
    'conversion',
    // One loop for everything that trains, and what trains by it.
    ...['training', 'runs', 'dashboard', 'tasks', 'own-models', 'cluster', 'sweep'],
    // The functions that programs call and commands are shells of.
    ...['library', 'commands'],
  ],
  'param-server': [
    // Stand alone: addresses; waits, pauses and turns; locks of files.
    ...['generated', 'addresses', 'time', 'locks'],
    // A model cut into shards, and a shard's numbers.
    'vectors',
    // The deterministic state machine, and its messages on the wire.
    ...['shard', 'wire'],
    // Operations on these numbers: updates, rows of tables, codecs, snapshots.
    ...['update-rules', 'tables', 'codecs', 'snapshots'],
    // The shell around the state machine, and its sockets.
    ...['security', 'metrics', 'hosting', 'bulk', 'server'],
    'client',
    'simulation',
  ],
};
const forBrowsers = ['core', 'edge-runtime'];

const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const packageJson = (name: string) => JSON.parse(read(`packages/${name}/package.json`)) as PackageJson;

/** A package's own TypeScript, except tests and their helpers. */
function sourcesOf(name: string): string[] {
  const isSource = new RegExp(`^packages/${name}/src/.*\\.ts$`);
  return tracked.filter((path) => isSource.test(path) && !/\.test\.ts$|\/testing\//.test(path));
}

/** The imports of the modules, as [importing file, imported module]. */
function importsOf(files: readonly string[]): [string, string][] {
  const pattern = /^(?:import|export)\s(?:[^']*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/gm;
  return files.flatMap((file) =>
    [...read(file).matchAll(pattern)].map((match): [string, string] => [file, (match[1] ?? match[2])!]),
  );
}

/** The files that a map of conditions may lead to. */
function targets(conditions: string | Conditions): string[] {
  return typeof conditions === 'string' ? [conditions] : Object.values(conditions).flatMap(targets);
}

/** The files that npm would publish. */
function packedFiles(name: string): string[] {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '-w', `packages/${name}`], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // npm 11 prints an object by package name; npm 10 prints a list.
  const [packed] = Object.values(JSON.parse(output) as Record<string, { files: { path: string }[] }>);
  return packed!.files.map(({ path }) => path);
}

describe.each(packages)('@unroll/%s', (name) => {
  const { exports, imports = {}, bin = {}, ...metadata } = packageJson(name);

  test('publishes every file that its exports, imports and commands name', () => {
    const named = [exports, imports, bin].flatMap(targets).map((path) => path.replace(/^\.\//, ''));
    const published = packedFiles(name);
    expect(named.filter((path) => !published.includes(path))).toEqual([]);
  });

  test('gives types for every export, and offers the sources of modules to this workspace', () => {
    for (const [path, conditions] of Object.entries(exports)) {
      if (path === './package.json') continue;
      // A WebAssembly module is built; it has no source that this workspace could use instead.
      const source = path.endsWith('.wasm') ? [] : ['@unroll/source'];
      expect(Object.keys(conditions), path).toEqual([...source, 'types', 'default']);
    }
  });

  test('publishes its licence, and neither tests nor their helpers', () => {
    const published = packedFiles(name);
    expect(published.filter((path) => /\.test\.|\/testing\//.test(path))).toEqual([]);
    expect(published).toContain('LICENSE');
    expect(read(`packages/${name}/LICENSE`)).toBe(read('LICENSE'));
    expect(metadata.license).toBe('Apache-2.0');
  });

  test('says where it comes from, how to install it, and links to nothing outside', () => {
    expect(metadata).toMatchObject({
      homepage: `${repository}/tree/main/packages/${name}#readme`,
      bugs: `${repository}/issues`,
      repository: { type: 'git', url: `git+${repository}.git`, directory: `packages/${name}` },
    });
    expect(metadata.keywords.length).toBeGreaterThan(4);
    const readme = read(`packages/${name}/README.md`);
    expect(readme).toMatch(new RegExp(`^npm install @unroll/${name}\\b`, 'm'));
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target!);
    expect(links.filter((link) => !/^(https:|#)/.test(link))).toEqual([]);
    const ours = links.filter((link) => link.startsWith(repository));
    const paths = ours.map((link) => link.slice(repository.length).replace(/^\/(blob|tree)\/main\/|#.*$/g, ''));
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test('declares the modules whose import alone has an effect, and no others', () => {
    const effective = sourcesOf(name)
      .filter((path) => hasEffect(read(path)))
      .map((path) => path.replace(`packages/${name}/src/`, ''));
    const declared = metadata.sideEffects.filter((path) => path.startsWith('./src/'));
    expect(metadata.sideEffects).toEqual(
      expect.arrayContaining(declared.map((path) => path.replace(/^\.\/src\/(.*)\.ts$/, './dist/$1.js'))),
    );
    const patterns = declared.map((path) => path.replace('./src/', ''));
    expect(effective.filter((path) => !patterns.some((pattern) => matchesGlob(path, pattern)))).toEqual([]);
    const idle = patterns.filter((pattern) => !effective.some((path) => matchesGlob(path, pattern)));
    // An entry that re-exports such modules has their effects.
    expect(idle.filter((pattern) => pattern !== 'index.ts')).toEqual([]);
  });

  test('imports only packages that it declares, ours only through their exports and in one direction', () => {
    const { dependencies } = metadata;
    const declared = JSON.parse(read(`packages/${name}/package.json`)) as Record<string, Record<string, string>>;
    const known = { ...dependencies, ...declared.peerDependencies, ...declared.optionalDependencies };
    const wrong = importsOf(sourcesOf(name)).filter(([, imported]) => {
      if (/^[.#]|^node:/.test(imported)) return false;
      const ours = /^@unroll\/([\w-]+)(\/.*)?$/.exec(imported);
      if (!ours) return !(packageOf(imported) in known);
      const [, other, path = ''] = ours;
      return !allowedDependencies[name]!.includes(other!) || !(`.${path}` in packageJson(other!).exports);
    });
    expect(wrong).toEqual([]);
  });
});

test.each(Object.entries(rooms))('the rooms of @unroll/%s are one stack', (name, order) => {
  const source = `packages/${name}/src`;
  // Files outside a room are the package's entries, above all rooms, or its errors and version, below them.
  const roomOf = (path: string) => /^[^/]+(?=\/)/.exec(relative(source, path))?.[0];
  const floorOf = (path: string) => order.indexOf(roomOf(path) ?? '');
  const above = importsOf(sourcesOf(name)).filter(([file, imported]) => {
    if (!imported.startsWith('.') || roomOf(file) === undefined) return false;
    const target = join(dirname(file), imported);
    return roomOf(target) !== roomOf(file) && !(floorOf(target) < floorOf(file));
  });
  expect(above).toEqual([]);
  const known = new Set(sourcesOf(name).map(roomOf));
  expect([...known].filter((room) => room !== undefined && !order.includes(room))).toEqual([]);
});

test('one file names the outputs of programs by their roles', () => {
  const spelled = packages.flatMap(sourcesOf).filter((path) => {
    const code = read(path).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    return /['"`](next|gradient|gradientRows)\.['"`$\w]/.test(code);
  });
  expect(spelled).toEqual([]);
});

test.each([
  ['core', 50],
  ['trainer', 10],
])('documents show what @unroll/%s exports, and nothing internal', (name, fewest) => {
  const shown = tracked
    .filter((path) => /^(docs|examples)\/|README\.md$/.test(path) && /\.(md|m?[jt]sx?)$/.test(path))
    .map(read);
  const values = [...read(`packages/${name}/src/index.ts`).matchAll(/^export \{([^}]*)\}/gm)]
    .flatMap(([, names]) => names!.split(',').map((each) => each.trim()))
    .filter((each) => each !== '' && !each.startsWith('type '));
  expect(values.length).toBeGreaterThan(fewest);
  expect(values.filter((each) => !shown.some((text) => new RegExp(`\\b${each}\\b`).test(text)))).toEqual([]);
  expect(shown.filter((text) => text.includes('@unroll/core/internal'))).toEqual([]);
});

/**
 * Whether a module, while it is loaded, imports another for its effect, or calls or assigns something that is not its
 * own.
 */
function hasEffect(source: string): boolean {
  const statements = source.matchAll(/^(?:import '|(\w+)[\w.]*(?:\(| (?:\?\?)?= ))/gm);
  return Array.from(statements).some(([, object]) => !object || !new RegExp(`^const ${object} =`, 'm').test(source));
}

/** Whether `path` matches `pattern`, in which * stands for a name. */
function matchesGlob(path: string, pattern: string): boolean {
  const [before, after] = pattern.split('*') as [string, string?];
  if (after === undefined) return path === pattern;
  return path.startsWith(before) && path.endsWith(after) && !path.slice(before.length, -after.length).includes('/');
}

function packageOf(imported: string): string {
  const parts = imported.split('/');
  return parts.slice(0, imported.startsWith('@') ? 2 : 1).join('/');
}

describe.each(forBrowsers)('@unroll/%s for browsers', (name) => {
  test("imports nothing of Node's, except in files that only Node is given", () => {
    const ofNode = importsOf(sourcesOf(name)).filter(
      ([file, imported]) =>
        !file.endsWith('.node.ts') && (imported.startsWith('node:') || builtinModules.includes(imported)),
    );
    expect(ofNode).toEqual([]);
  });

  test('bundles without any replacement of a Node module', async () => {
    const { exports } = packageJson(name);
    const entries = Object.keys(exports).filter((path) => !/\.(json|wasm)$/.test(path));
    const page = entries.map((path) => `export * as m${entries.indexOf(path)} from '@unroll/${name}${path.slice(1)}';`);
    expect(await modulesOfNodeIn(page.join('\n'))).toEqual([]);
  });
});

test('a bundle with a Node module would be noticed', async () => {
  expect(await modulesOfNodeIn("export { readFileSync } from 'node:fs';")).toEqual(['node:fs']);
});

/** The Node modules that `code` needs when it is bundled for a browser; Vite replaces them by empty ones. */
async function modulesOfNodeIn(code: string): Promise<string[]> {
  const replaced = '__vite-browser-external:';
  const output = await build({
    root,
    configFile: false,
    logLevel: 'silent',
    plugins: [virtualEntry(code)],
    resolve: { conditions: ['@unroll/source', ...defaultClientConditions] },
    build: { write: false, minify: false, rolldownOptions: { input: entry, preserveEntrySignatures: 'strict' } },
  });
  const { output: files } = output as Rolldown.RolldownOutput;
  const modules = files.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
  return modules.filter((id) => id.startsWith(replaced)).map((id) => id.slice(replaced.length));
}

const entry = join(root, 'scripts/entry-of-the-bundle.js');

function virtualEntry(code: string): Plugin {
  return {
    name: 'virtual-entry',
    resolveId: (id) => (id === entry ? entry : undefined),
    load: (id) => (id === entry ? code : undefined),
  };
}

describe('the repository', () => {
  test('contains nothing that is generated or built', () => {
    expect(tracked.filter((path) => /(^|\/)(dist|generated|node_modules)\/|^runs\//.test(path))).toEqual([]);
  });

  test('locks dependencies without saying where to download them', () => {
    const lockfiles = tracked.filter((path) => path.endsWith('package-lock.json'));
    const addresses = lockfiles.flatMap((path) => {
      const { packages: locked } = JSON.parse(read(path)) as {
        packages: Record<string, { resolved?: string; link?: boolean }>;
      };
      return Object.entries(locked).filter(([, { resolved, link }]) => resolved && !link);
    });
    expect(lockfiles).toContain('package-lock.json');
    expect(addresses).toEqual([]);
  });

  test('locks the tools for every platform that they support', () => {
    const { packages: locked } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const names = new Set(Object.keys(locked).map((path) => path.replace(/^.*node_modules\//, '')));
    const optional = Object.values(locked).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(optional.filter((dependency) => !names.has(dependency))).toEqual([]);
  });

  test('depends on nothing whose licence asks more of its users than to be named', () => {
    const { packages: locked } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { license?: string; dev?: boolean; link?: boolean }>;
    };
    const permissive = /^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|Zlib|CC0-1\.0|BlueOak-1\.0\.0)$/;
    const isPermissive = (license: string) =>
      license
        .replace(/[()]/g, '')
        .split(/ AND | OR /)
        .every((name) => permissive.test(name));
    const others = Object.entries(locked).filter(
      ([path, { license, dev, link }]) =>
        /node_modules\//.test(path) && !dev && !link && !(license && isPermissive(license)),
    );
    // Its LICENSE.txt places it in the public domain, with the BSD licence of pyfive.
    expect(others.map(([path]) => path)).toEqual(['node_modules/jsfive']);
  });

  test('opens the tabs of its tests without limits of their own', () => {
    const tests = tracked.filter((path) => /\.test\.ts$|^scripts\/runtimes\//.test(path));
    expect(tests.filter((path) => /\.newPage\(\)/.test(read(path)) && !/setDefaultTimeout\(/.test(read(path)))).toEqual(
      [],
    );
  });

  test('names no package registry and no path of a particular machine', () => {
    const local = /registry\.npmjs|registry\.npmmirror|\/(root|home\/\w+|Users\/\w+|work)\//;
    const texts = tracked.filter((path) => path !== 'scripts/workspace.test.ts');
    expect(texts.filter((path) => local.test(read(path)))).toEqual([]);
  });
});

const hasShellcheck = spawnSync('shellcheck', ['--version']).error === undefined;
if (!hasShellcheck) console.log("shellcheck is not here; its test is skipped: it is in Debian's package shellcheck");

test.skipIf(!hasShellcheck)('shellcheck finds nothing in the shell scripts', () => {
  const scripts = tracked.filter((path) => {
    return /\.(sh|sbatch)$/.test(path) || (!/\.\w+$/.test(path) && /^#!.*\b(ba|da)?sh\b/.test(read(path)));
  });
  expect(scripts).toContain('.ci/run');
  expect(spawnSync('shellcheck', scripts, { cwd: root, encoding: 'utf8' }).stdout).toBe('');
});
