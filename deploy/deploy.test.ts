// What is in this folder fits: the manifests their schemas, each other and the command that they start; the image the workspace.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createProgram } from '../packages/trainer/src/cli.js';
import type { Environment, Role, RoleFlags } from '../packages/trainer/src/cluster/role.js';
import { roleOf } from '../packages/trainer/src/cluster/roles.js';
import { manifestSchemas } from './manifest-schemas.js';

/** Slurm tells the script itself, not its tasks, and ends these when it requeues the job. */
const nearlyOver = 'kill -USR1 $PPID; exec sleep 1 > /dev/null 2>&1';

const folder = dirname(fileURLToPath(import.meta.url));
const read = (path: string) => readFileSync(join(folder, path), 'utf8');

interface Probe {
  readonly grpc: { readonly port: number };
}

interface Container {
  readonly args: readonly string[];
  readonly ports?: readonly { readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
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

interface FailureRule {
  readonly action: string;
  readonly onPodConditions?: readonly { readonly type: string; readonly status: string }[];
  readonly onExitCodes?: { readonly operator: string; readonly values: readonly number[] };
}

interface JobSet extends Manifest {
  readonly spec: {
    readonly network: { readonly enableDNSHostnames: boolean; readonly publishNotReadyAddresses: boolean };
    readonly successPolicy: { readonly targetReplicatedJobs: readonly string[] };
    readonly replicatedJobs: readonly {
      readonly name: string;
      readonly dependsOn?: readonly { readonly name: string; readonly status: string }[];
      readonly template: {
        readonly spec: {
          readonly completionMode: string;
          readonly completions: number;
          readonly podFailurePolicy: { readonly rules: readonly FailureRule[] };
          readonly template: PodTemplate;
        };
      };
    }[];
  };
}

interface VolcanoPolicy {
  readonly event: string;
  readonly action: string;
}

interface VolcanoJob extends Manifest {
  readonly spec: {
    readonly minAvailable: number;
    readonly plugins: { readonly tensorflow: readonly string[]; readonly svc: readonly string[] };
    readonly policies: readonly VolcanoPolicy[];
    readonly tasks: readonly {
      readonly name: string;
      readonly replicas: number;
      readonly policies?: readonly VolcanoPolicy[];
      readonly template: PodTemplate;
    }[];
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

/** The faults that the schema finds. */
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
  node.action((flags: RoleFlags) => {
    role = roleOf(flags, environment);
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

describe.each([
  ['the JobSet', () => jobSet.spec.replicatedJobs[0]!.template.spec.template],
  ['the Volcano job', () => volcanoJob.spec.tasks[0]!.template],
])('the servers of %s', (_, template) => {
  test('tell their metrics where Prometheus, on another machine, can read them', () => {
    const [{ args, ports }] = template().spec.containers;
    const port = args.find((flag) => flag.startsWith('--metrics-port='))?.slice('--metrics-port='.length);
    expect(ports!.map(({ containerPort }) => `${containerPort}`)).toContain(port);
    expect(args).toContain('--metrics-host=0.0.0.0');
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
    for (const { serverAddresses } of await roles()) {
      expect(serverAddresses).toEqual([0, 1].map((index) => `${name}-server-0-${index}.${name}:7000`));
    }
  });

  test('starts the workers when the servers are ready, and is done when the workers are', () => {
    const worker = jobSet.spec.replicatedJobs.find(({ name }) => name === 'worker')!;
    expect(worker.dependsOn).toEqual([{ name: 'server', status: 'Ready' }]);
    expect(jobSet.spec.successPolicy.targetReplicatedJobs).toEqual(['worker']);
  });

  test('lets the servers keep their names, which are told before they are ready', () => {
    expect(jobSet.spec.network).toEqual({ enableDNSHostnames: true, publishNotReadyAddresses: true });
    expect(jobSet.spec.replicatedJobs.map(({ template }) => template.spec.completionMode)).toEqual([
      'Indexed',
      'Indexed',
    ]);
  });

  test('does not count evictions as failures, and does not start again what was started wrongly', () => {
    for (const { template } of jobSet.spec.replicatedJobs) {
      const [evicted, misused] = template.spec.podFailurePolicy.rules;
      const onPodConditions = [{ type: 'DisruptionTarget', status: 'True' }];
      expect(evicted).toEqual({ action: 'Ignore', onPodConditions });
      expect(misused).toEqual({ action: 'FailJob', onExitCodes: { operator: 'In', values: [2] } });
    }
  });

  test('asks the servers for their health where they listen', () => {
    const [server] = jobSet.spec.replicatedJobs[0]!.template.spec.template.spec.containers;
    const probes = [server.startupProbe, server.readinessProbe, server.livenessProbe];
    expect(probes.map((probe) => probe?.grpc.port)).toEqual([7000, 7000, 7000]);
    expect(server.ports!.map(({ containerPort }) => containerPort)).toEqual([7000, 9400]);
  });

  test('has a disruption budget for its servers, and for them only', () => {
    const budget = ofKind<DisruptionBudget>('kubernetes/jobset.yaml', 'PodDisruptionBudget');
    const selector = Object.entries(budget.spec.selector.matchLabels);
    const selected = jobSet.spec.replicatedJobs.filter(({ template }) => {
      const { labels } = template.spec.template.metadata;
      return selector.every(([label, value]) => labels[label] === value);
    });
    expect(selected.map(({ name }) => name)).toEqual(['server']);
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
    const { startupProbe, readinessProbe } = tasks[0]!.template.spec.containers[0];
    expect([startupProbe, readinessProbe].map((probe) => `${probe?.grpc.port}`)).toEqual([port, port]);
  });

  test('has the plugins that tell the tasks what they are, by the names of its tasks, and where the others are', () => {
    expect(Object.keys(plugins).sort()).toEqual(['svc', 'tensorflow']);
    expect(plugins.tensorflow).toEqual([`--ps=${tasks[0]!.name}`, `--worker=${tasks[1]!.name}`, `--port=${port}`]);
  });

  test('starts only that again which was evicted, and is done when its workers are', () => {
    expect(volcanoJob.spec.policies).toEqual([{ event: 'PodEvicted', action: 'RestartPod' }]);
    const policies = Object.fromEntries(tasks.map(({ name, policies }) => [name, policies]));
    expect(policies).toEqual({ ps: undefined, worker: [{ event: 'TaskCompleted', action: 'CompleteJob' }] });
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

  describe('where srun and scontrol only note what they are asked', () => {
    const place = mkdtempSync(join(tmpdir(), 'unroll-slurm-'));
    afterAll(() => rmSync(place, { recursive: true }));

    /** Runs the script as the job 7 that has run for so many seconds; returns how it ended and what it asked for. */
    function runJob(srun: string, seconds: number, requeues: number, args: readonly string[] = []) {
      const asked = join(place, 'asked');
      writeFileSync(asked, '');
      // On one line each, though one of srun's arguments has several.
      const programs = { srun: `echo "srun" $* >> ${asked}; ${srun}`, scontrol: `echo "scontrol $*" >> ${asked}` };
      for (const [name, body] of Object.entries(programs)) {
        writeFileSync(join(place, name), `#!/bin/bash\n${body}\n`, { mode: 0o755 });
      }
      const job = { SLURM_JOB_ID: '7', SLURM_CPUS_PER_TASK: '4', SLURM_RESTART_COUNT: `${requeues}` };
      // From SECONDS bash counts on.
      const env = { ...process.env, ...job, SECONDS: `${seconds}`, PATH: `${place}:${process.env.PATH}` };
      const { status } = spawnSync('bash', [join(folder, 'slurm/train.sbatch'), ...args], { env });
      const lines = readFileSync(asked, 'utf8').trim().split('\n');
      return { status, command: lines[0], requeued: lines.slice(1) };
    }

    test.each([
      { what: 'a task fails', srun: 'exit 3', seconds: 100, requeues: 19, status: 3, requeued: true },
      { what: 'its time is nearly over', srun: nearlyOver, seconds: 100, requeues: 19, status: 0, requeued: true },
      { what: 'all tasks succeed', srun: 'exit 0', seconds: 100, requeues: 0, status: 0, requeued: false },
      { what: 'a task fails at once', srun: 'exit 3', seconds: 0, requeues: 0, status: 3, requeued: false },
      { what: 'it has been requeued often', srun: 'exit 3', seconds: 100, requeues: 20, status: 3, requeued: false },
    ])('when $what, asks to be requeued: $requeued', ({ srun, seconds, requeues, status, requeued }) => {
      expect(runJob(srun, seconds, requeues)).toMatchObject({
        status,
        requeued: requeued ? ['scontrol requeue 7'] : [],
      });
    });

    /** Runs the script with a command `unroll` that does so, as the one task of its job. */
    function runTask(unroll: string) {
      const program = `#!/bin/bash\necho >> ${join(place, 'lives')}\n${unroll}\n`;
      writeFileSync(join(place, 'lives'), '');
      writeFileSync(join(place, 'unroll'), program, { mode: 0o755 });
      const { status, requeued } = runJob('while [[ $1 != bash ]]; do shift; done; exec "$@"', 0, 0, ['--out', 'a b']);
      return { status, requeued, lives: readFileSync(join(place, 'lives'), 'utf8').length };
    }

    test('starts a task again whose process was killed, and keeps the job', () => {
      const killedOnce = `(($(wc -l < ${join(place, 'lives')}) > 1)) || kill -KILL $$\n[[ "$*" == *"--out a b"* ]]`;
      expect(runTask(killedOnce)).toEqual({ status: 0, requeued: [], lives: 2 });
    });

    test('does not start a task again that failed by itself, or was told to end', () => {
      expect(runTask('exit 3')).toEqual({ status: 3, requeued: [], lives: 1 });
      expect(runTask('kill -TERM $PPID; exec sleep 60')).toEqual({ status: 143, requeued: [], lives: 1 });
    });

    test.each([[['--out', 'there']], [['--out=there']]])('puts the snapshots beside the checkpoint of %s', (args) => {
      expect(runJob('exit 0', 0, 0, args).command).toContain(' --snapshot-dir there.snapshots ');
    });
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
