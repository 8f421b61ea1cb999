// Runs deploy/slurm/train.sbatch on a real Slurm with several nodes. It kills a server and a worker, takes a node away,
// lets the time run out, and lets two jobs share nodes. It compares each trained model, bit for bit, with that of
// `unroll train` here.
//   sudo node scripts/slurm/run.mjs [--steps 300]
// Build first. If the machine does not allow this, prints a line that begins with `skipped:` and exits with status 0.
// Exits with status 1 if a model differs or a job fails.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { obstacle, SlurmCluster } from './cluster.mjs';

const { values: flags } = parseArgs({ options: { steps: { type: 'string', default: '300' } } });
const program = fileURLToPath(new URL('../../packages/trainer/bin/unroll.js', import.meta.url));
const script = fileURLToPath(new URL('../../deploy/slurm/train.sbatch', import.meta.url));
/** Debian's environment-modules, if installed. */
const modulesHome = '/usr/share/modules';
const training = [
  ...['--data', 'grammar', '--hidden-dim', '64', '--embedding-dim', '32', '--dropout', '0.1', '--batch-size', '8'],
  ...['--threads', '1', '--max-steps', flags.steps],
];
const snapshots = ['--snapshot-every', '20'];

/** A job of two servers and two workers, on two nodes. */
class Job {
  #cluster;
  #folder;

  constructor(cluster, name, { sbatch = [], train = [] } = {}) {
    this.#cluster = cluster;
    this.#folder = join(cluster.folder, name);
    this.out = join(this.#folder, 'a checkpoint');
    mkdirSync(this.#folder);
    writeFileSync(join(this.#folder, 'unroll-token'), randomBytes(32).toString('hex'), { mode: 0o600 });
    const size = ['--nodes=2', '--ntasks=4', '--ntasks-per-node=2', '--cpus-per-task=1'];
    const args = ['--parsable', ...size, ...sbatch, script, ...training, ...snapshots, '--out', this.out, ...train];
    this.id = cluster.run('sbatch', args, { cwd: this.#folder, env: environmentOfJobs(cluster) });
  }

  get state() {
    return this.#cluster.job(this.id);
  }

  get output() {
    const file = join(this.#folder, `slurm-${this.id}.out`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /**
   * Resolves when the output matches.
   * @throws Error if the job ends before
   */
  async says(pattern) {
    while (!pattern.test(this.output)) {
      if ((await this.hasEnded()) && !pattern.test(this.output))
        throw new Error(`ended without ${pattern}:\n${this.output}`);
      await sleep(200);
    }
  }

  /** Resolves when every server has written its first snapshot, from which the run can continue. */
  async isUnderWay() {
    const folder = `${this.out}.snapshots`;
    const shards = () => new Set(existsSync(folder) ? readdirSync(folder).map((name) => name.slice(0, 7)) : []);
    while (shards().size < 2) {
      if (await this.hasEnded()) throw new Error(`ended before a snapshot:\n${this.output}`);
      await sleep(100);
    }
  }

  /** Whether the job has ended for good. A job that is being requeued looks ended for a moment. */
  async hasEnded() {
    const isOver = () => /^(COMPLETED|FAILED|CANCELLED|TIMEOUT|DEADLINE|OUT_OF_MEMORY)$/.test(this.state.JobState);
    if (!isOver()) return false;
    await sleep(2000);
    return isOver();
  }

  /**
   * The files that contain what was learned.
   * @throws Error with the job's output if it failed
   */
  async learnt() {
    while (!(await this.hasEnded())) await sleep(500);
    const { JobState, ExitCode } = this.state;
    if (JobState !== 'COMPLETED') throw new Error(`${JobState} (${ExitCode}):\n${this.output}`);
    return learntIn(this.out);
  }

  /** Signals the process of a task; SIGKILL is what the kernel sends when memory runs out. */
  signal(task, signal) {
    const isProcess = (pid) => {
      const [command, environment] = ['cmdline', 'environ'].map((name) => readProcess(pid, name));
      const isTask = environment.includes(`SLURM_JOB_ID=${this.id}`) && environment.includes(`SLURM_PROCID=${task}`);
      return isTask && command[1]?.endsWith('/unroll') && command[2] === 'node';
    };
    const [pid] = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isProcess(name));
    if (pid === undefined) throw new Error(`task ${task} is not there:\n${this.output}`);
    process.kill(Number(pid), signal);
  }
}

/** The command line or the environment of a process; empty if it has ended. */
function readProcess(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function environmentOfJobs(cluster) {
  const names = existsSync(modulesHome) ? { UNROLL_MODULES: 'unroll', MODULESHOME: modulesHome } : {};
  const path = existsSync(modulesHome) ? process.env.PATH : `${join(cluster.folder, 'bin')}:${process.env.PATH}`;
  return { ...names, MODULEPATH: join(cluster.folder, 'modulefiles'), PATH: path };
}

function learntIn(out) {
  return ['model.safetensors', 'optimizer.safetensors'].map((name) => readFileSync(join(out, name)));
}

/** Events for jobs that run at the same time, by name. Each resolves to what was learned, or throws. */
const scenarios = [
  {
    'a killed server and a killed worker': async (cluster) => {
      const job = new Job(cluster, 'killed', { sbatch: ['--mem=1G', '--gres=gpu:1'] });
      await job.isUnderWay();
      const [server, worker] = ['1', '3'];
      job.signal(worker, 'SIGKILL');
      await job.says(/^3: train.sbatch: the process was killed \(status 137\)/m);
      job.signal(server, 'SIGKILL');
      await job.says(/^1: train.sbatch: the process was killed \(status 137\)/m);
      const learnt = await job.learnt();
      if (job.state.Restarts !== '0') throw new Error(`the whole job was started again:\n${job.output}`);
      return learnt;
    },
    'another job on the same nodes': async (cluster) => new Job(cluster, 'neighbour').learnt(),
  },
  {
    'a node that is taken away': async (cluster) => {
      const job = new Job(cluster, 'requeued', { sbatch: ['--nodelist=n3,n4'] });
      await job.isUnderWay();
      cluster.run('scontrol', ['update', 'nodename=n3', 'state=down', 'reason=test']);
      while (job.state.Restarts === '0') await sleep(200);
      bringBack(cluster, 'n3');
      return job.learnt();
    },
    'time that runs out': async (cluster) => {
      // Slurm checks every half minute and counts that in, so the signal comes after 30 to 60 s.
      const job = new Job(cluster, 'timed', { sbatch: ['--time=2', '--signal=B:USR1@60', '--nodelist=n1,n2'] });
      await job.isUnderWay();
      job.signal('3', 'SIGSTOP');
      await job.says(/the time is nearly over; the job is requeued/);
      return job.learnt();
    },
  },
];

/** Gives the cluster a node that was taken away. It may have come back by itself, and cannot be resumed then. */
function bringBack(cluster, node) {
  try {
    cluster.run('scontrol', ['update', `nodename=${node}`, 'state=resume']);
  } catch (error) {
    const state = cluster.run('sinfo', [`--nodes=${node}`, '--noheader', '--format=%t']);
    if (state.startsWith('down')) throw error;
  }
}

async function main() {
  const why = obstacle();
  if (why) return console.log(`skipped: ${why}`);
  const cluster = await SlurmCluster.start(['n1', 'n2', 'n3', 'n4']);
  const close = () => cluster.close();
  process.once('exit', close).once('SIGINT', () => process.exit(1));
  offerUnroll(cluster);
  const out = join(cluster.folder, 'here');
  const here = [program, 'train', ...training, ...snapshots, '--workers', '2', '--servers', '2', '--out', out];
  await promisify(execFile)(process.execPath, here);
  const expected = learntIn(out);
  for (const atOnce of scenarios) {
    await Promise.all(Object.entries(atOnce).map(([name, play]) => compare(name, play(cluster), expected)));
  }
  // Its daemons would keep this process alive.
  process.off('exit', close);
  close();
}

async function compare(name, playing, expected) {
  const began = performance.now();
  const learnt = await playing.catch((error) => {
    throw new Error(`${name}: ${error.message}`);
  });
  const isEqual = learnt.every((bytes, k) => bytes.equals(expected[k]));
  if (!isEqual) process.exitCode = 1;
  console.log(`${isEqual ? 'equal' : 'DIFFERENT'}: ${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/** Makes `unroll` a command of the jobs, by a module if environment-modules is installed. */
function offerUnroll({ folder }) {
  mkdirSync(join(folder, 'bin'));
  symlinkSync(program, join(folder, 'bin', 'unroll'));
  mkdirSync(join(folder, 'modulefiles'));
  writeFileSync(join(folder, 'modulefiles', 'unroll'), `#%Module1.0\nprepend-path PATH ${join(folder, 'bin')}\n`);
}

await main().catch((error) => {
  console.error(`slurm: ${error.message}`);
  process.exit(1);
});
