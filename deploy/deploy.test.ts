// What is in this folder fits: the manifests their schemas, each other and the command that they start; the image the workspace.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createProgram } from '../packages/trainer/src/cli.js';
import { type Environment, type Role, type RoleFlags, roleOf } from '../packages/trainer/src/cluster/roles.js';
import { manifestSchemas } from './manifest-schemas.js';

const folder = dirname(fileURLToPath(import.meta.url));
const read = (path: string) => readFileSync(join(folder, path), 'utf8');

interface Container {
  readonly args: readonly string[];
  readonly ports?: readonly { readonly containerPort: number }[];
  readonly startupProbe?: { readonly grpc: { readonly port: number } };
}

interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly [Container] };
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

interface JobSet extends Manifest {
  readonly spec: {
    readonly successPolicy: { readonly targetReplicatedJobs: readonly string[] };
    readonly replicatedJobs: readonly {
      readonly name: string;
      readonly dependsOn?: readonly { readonly name: string; readonly status: string }[];
      readonly template: { readonly spec: { readonly completions: number; readonly template: PodTemplate } };
    }[];
  };
}

interface VolcanoJob extends Manifest {
  readonly spec: {
    readonly minAvailable: number;
    readonly plugins: { readonly tensorflow: readonly string[] };
    readonly tasks: readonly { readonly name: string; readonly replicas: number; readonly template: PodTemplate }[];
  };
}

interface DisruptionBudget extends Manifest {
  readonly spec: { readonly selector: { readonly matchLabels: Readonly<Record<string, string>> } };
}

function manifests(path: string): Manifest[] {
  return parseAllDocuments(read(path)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
}

const ofKind = <T extends Manifest>(path: string, kind: string) =>
  manifests(path).find((manifest) => manifest.kind === kind) as T;
const jobSet = ofKind<JobSet>('kubernetes/jobset.yaml', 'JobSet');
const volcanoJob = ofKind<VolcanoJob>('kubernetes/volcano.yaml', 'Job');

/** What the schema has against it. */
function faults(manifest: Manifest): string[] {
  const schema = manifestSchemas[`${manifest.apiVersion} ${manifest.kind}`];
  if (!schema) return [`no schema of ${manifest.apiVersion} ${manifest.kind}`];
  const ajv = new Ajv({ allErrors: true });
  ajv.validate(schema, manifest);
  return (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Parses the arguments as `unroll` does, and says what process they start there. */
async function roleIn(environment: Environment, args: readonly string[]): Promise<Role> {
  const program = createProgram();
  const node = program.commands.find((command) => command.name() === 'node')!;
  let role: Role | undefined;
  node.action((flags: RoleFlags & { serverAddresses?: string }) => {
    role = roleOf({ ...flags, serverAddresses: flags.serverAddresses?.split(',') }, environment);
  });
  await program.parseAsync([...args], { from: 'user' });
  return role!;
}

const numbersBelow = (end: number) => Array.from({ length: end }, (_, k) => k);
const places = (roles: readonly Role[]) => roles.map(({ kind, index, workers }) => `${kind} ${index} of ${workers}`);
const twoServersFourWorkers = [
  ...['server 0 of 4', 'server 1 of 4', 'worker 0 of 4', 'worker 1 of 4', 'worker 2 of 4', 'worker 3 of 4'],
];

describe.each(['kubernetes/jobset.yaml', 'kubernetes/volcano.yaml'])('%s', (path) => {
  test.each(manifests(path))('$kind $metadata.name fits its schema', (manifest) => {
    expect(faults(manifest)).toEqual([]);
  });

  test('has fields that the schemas know, and a misspelt one is refused', () => {
    const misspelt = manifests(path).map(
      (manifest) => JSON.parse(JSON.stringify(manifest).replace(/resources|minAvailable/, 'misspelt')) as Manifest,
    );
    expect(misspelt.flatMap(faults)).not.toEqual([]);
  });
});

describe('the JobSet', () => {
  const roles = () =>
    Promise.all(
      jobSet.spec.replicatedJobs.flatMap(({ template: { spec } }) =>
        numbersBelow(spec.completions).map((index) =>
          roleIn({ JOB_COMPLETION_INDEX: `${index}` }, spec.template.spec.containers[0].args),
        ),
      ),
    );

  test('starts each server and each worker once', async () => {
    expect(places(await roles())).toEqual(twoServersFourWorkers);
  });

  test('has the workers look for the servers under the names that JobSet gives them', async () => {
    const { name } = jobSet.metadata;
    for (const { servers } of await roles()) {
      expect(servers).toEqual([0, 1].map((index) => `${name}-server-0-${index}.${name}:7000`));
    }
  });

  test('starts the workers when the servers are ready, and is done when the workers are', () => {
    const worker = jobSet.spec.replicatedJobs.find(({ name }) => name === 'worker')!;
    expect(worker.dependsOn).toEqual([{ name: 'server', status: 'Ready' }]);
    expect(jobSet.spec.successPolicy.targetReplicatedJobs).toEqual(['worker']);
  });

  test('asks the servers for their health where they listen', () => {
    const [server] = jobSet.spec.replicatedJobs[0]!.template.spec.template.spec.containers;
    expect(server.startupProbe!.grpc.port).toBe(7000);
    expect(server.ports!.map(({ containerPort }) => containerPort)).toEqual([7000, 9400]);
  });

  test('has a disruption budget for its servers', () => {
    const budget = ofKind<DisruptionBudget>('kubernetes/jobset.yaml', 'PodDisruptionBudget');
    const { labels } = jobSet.spec.replicatedJobs[0]!.template.spec.template.metadata;
    expect(labels).toEqual(budget.spec.selector.matchLabels);
  });
});

describe('the Volcano job', () => {
  const { tasks, plugins, minAvailable } = volcanoJob.spec;
  const port = plugins.tensorflow.find((flag) => flag.startsWith('--port='))!.slice('--port='.length);

  // As Volcano's plugin writes it.
  const cluster = Object.fromEntries(
    tasks.map(({ name, replicas }) => [name, numbersBelow(replicas).map((k) => `unroll-${name}-${k}.unroll:${port}`)]),
  );

  test('starts each server and each worker once', async () => {
    const roles = tasks.flatMap(({ name, replicas, template }) =>
      numbersBelow(replicas).map((index) => {
        const TF_CONFIG = JSON.stringify({ cluster, task: { type: name, index } });
        return roleIn({ TF_CONFIG }, template.spec.containers[0].args);
      }),
    );
    expect(places(await Promise.all(roles))).toEqual(twoServersFourWorkers);
  });

  test('starts all of them or none', () => {
    expect(minAvailable).toBe(tasks.reduce((sum, { replicas }) => sum + replicas, 0));
  });

  test('asks the servers for their health where they listen', () => {
    expect(`${tasks[0]!.template.spec.containers[0].startupProbe!.grpc.port}`).toBe(port);
  });
});

describe('the Slurm script', () => {
  const script = read('slurm/train.sbatch');
  const option = (name: string) => new RegExp(`^#SBATCH --${name}=(.*)$`, 'm').exec(script)?.[1];

  test('is one that bash can read', () => {
    expect(() => execFileSync('bash', ['-n', join(folder, 'slurm/train.sbatch')])).not.toThrow();
  });

  test('starts each server and each worker once', async () => {
    const [, command] = /\bunroll (node .*?) "\$@" &$/m.exec(script.replaceAll(/\\\n\s*/g, ''))!;
    const args = command!.replaceAll('"', '').replace('$servers', /^servers=(\d+)$/m.exec(script)![1]!);
    const known = args.replaceAll('$SLURM_CPUS_PER_TASK', option('cpus-per-task')!).split(/\s+/);
    const job = { SLURM_NTASKS: option('ntasks'), SLURM_JOB_NODELIST: 'n[1-3]', SLURM_TASKS_PER_NODE: '2(x3)' };
    const roles = numbersBelow(6).map((task) => roleIn({ ...job, SLURM_PROCID: `${task}` }, known));
    expect(places(await Promise.all(roles))).toEqual(twoServersFourWorkers);
  });

  test('can be requeued', () => {
    expect(script).toMatch(/^#SBATCH --requeue$/m);
  });
});

describe('the Dockerfile', () => {
  const lines = read('Dockerfile').split('\n');
  const root = dirname(folder);

  test('copies what is there', () => {
    const sources = lines
      .filter((line) => /^COPY (?!--from)/.test(line))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(sources.length).toBeGreaterThan(5);
    expect(sources.filter((source) => !existsSync(join(root, source)))).toEqual([]);
  });

  test('brings the package.json of every package before it installs', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: object };
    const workspaces = Object.keys(packages).filter(
      (path) => path.startsWith('packages/') && !path.includes('node_modules'),
    );
    const copied = lines.slice(
      0,
      lines.findIndex((line) => line.startsWith('RUN npm ci')),
    );
    for (const path of workspaces) expect(copied).toContain(`COPY ${path}/package.json ${path}/`);
  });

  test('runs the command, and not as root', () => {
    expect(lines.filter((line) => line.startsWith('USER ')).at(-1)).toBe('USER node');
    const entry = JSON.parse(
      lines.find((line) => line.startsWith('ENTRYPOINT '))!.slice('ENTRYPOINT '.length),
    ) as string[];
    expect(existsSync(entry.at(-1)!.replace('/unroll', root))).toBe(true);
  });
});
