// A Slurm cluster on this machine: munged, slurmctld, and a slurmd for each node; the nodes are network namespaces. It
// is Debian's Slurm. The machine's own configuration is neither read nor changed. Needs Linux, root, iproute2,
// slurm-wlm and munge.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Network, obstacle as networkObstacle } from '../multi-host/network.mjs';

const programs = ['munged', 'slurmctld', 'slurmd', 'sbatch'];
/** Number of processors that each node declares, whatever the machine has. */
const processorsOfNode = 8;
const mebibytesOfNode = 4096;
/** A daemon that is not up after this time has failed. */
const startSeconds = 60;

/** Why this machine cannot run a cluster, for readers of the test's output; undefined if it can. */
export function obstacle() {
  const missing = programs.filter((program) => spawnSync('which', [program]).status !== 0);
  if (missing.length > 0) return `${missing.join(', ')} are not here; they are in Debian's slurm-wlm and munge`;
  return networkObstacle();
}

/** The nodes of a cluster, until it is closed. */
export class SlurmCluster {
  /** A folder that all nodes see. */
  folder = mkdtempSync(join(tmpdir(), 'unroll-slurm-'));
  #nodes;
  #network;
  #daemons = [];

  /**
   * Starts a cluster.
   * @param nodes their names, at most 8 letters each
   */
  static async start(nodes) {
    const cluster = new SlurmCluster(nodes);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      const logs = cluster.logs();
      cluster.close();
      throw new Error(`${error.message}\n${logs}`);
    }
  }

  constructor(nodes) {
    this.#nodes = nodes;
    this.#network = new Network(['ctl', ...nodes]);
  }

  /**
   * Runs a command of Slurm and returns its output.
   * @throws Error with its complaint
   */
  run(command, args, { cwd = this.folder, env = {} } = {}) {
    const [program, ...rest] = this.#network.on('ctl', command, ...args);
    const options = { cwd, env: { ...this.#environment, ...env }, encoding: 'utf8' };
    const { status, stdout, stderr } = spawnSync(program, rest, options);
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr.trim()}`);
    return stdout.trim();
  }

  /** The fields of a job. */
  job(id) {
    const words = this.run('scontrol', ['show', 'job', id, '--oneliner']).split(' ');
    return Object.fromEntries(words.map((word) => [word.split('=')[0], word.slice(word.indexOf('=') + 1)]));
  }

  close() {
    for (const daemon of this.#daemons) daemon.kill('SIGKILL');
    this.#network.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The last lines of each daemon's log. */
  logs() {
    return ['munged', 'slurmctld', ...this.#nodes]
      .map((name) => [name, this.#path(`${name}.log`)])
      .filter(([, log]) => existsSync(log))
      .map(([name, log]) => `${name}:\n${readFileSync(log, 'utf8').trim().split('\n').slice(-15).join('\n')}`)
      .join('\n');
  }

  get #environment() {
    return { ...process.env, SLURM_CONF: this.#path('slurm.conf') };
  }

  #path(name) {
    return join(this.folder, name);
  }

  async #start() {
    chmodSync(this.folder, 0o755);
    writeFileSync(this.#path('munge.key'), randomBytes(1024), { mode: 0o400 });
    writeFileSync(this.#path('slurm.conf'), this.#configuration());
    writeFileSync(this.#path('gres.conf'), 'Name=gpu File=/dev/null\n');
    // A namespace shows no cgroups. Nothing here needs them, but looking for their version would fail.
    writeFileSync(this.#path('cgroup.conf'), 'CgroupPlugin=cgroup/v1\n');
    mkdirSync(this.#path('state'));
    const files = ['key-file', 'socket', 'pid-file', 'seed-file'].map(
      (name) => `--${name}=${this.#path(`munge.${name}`)}`,
    );
    files[0] = `--key-file=${this.#path('munge.key')}`;
    this.#spawn('munged', ['munged', '--foreground', '--force', '--num-threads=2', ...files]);
    await until('munged', () => existsSync(this.#path('munge.socket')));
    this.#spawn('slurmctld', this.#network.on('ctl', 'slurmctld', '-D', '-i'));
    for (const node of this.#nodes) {
      mkdirSync(this.#path(`spool-${node}`));
      this.#spawn(node, this.#network.on(node, 'slurmd', '-D', '-N', node));
    }
    await until('the nodes', () => {
      try {
        return this.run('sinfo', ['--noheader', '--Node', '--format=%t'])
          .split('\n')
          .every((state) => state === 'idle');
      } catch {
        return false;
      }
    });
  }

  #spawn(name, [program, ...args]) {
    const log = openSync(this.#path(`${name}.log`), 'w');
    const child = spawn(program, args, { env: this.#environment, stdio: ['ignore', log, log], cwd: this.folder });
    closeSync(log);
    child.on('error', () => undefined);
    this.#daemons.push(child);
  }

  #configuration() {
    const nodes = this.#nodes.map(
      (node) =>
        `NodeName=${node} NodeAddr=${this.#network.address(node)} CPUs=${processorsOfNode} RealMemory=${mebibytesOfNode} Gres=gpu:1`,
    );
    return `
ClusterName=unroll
SlurmctldHost=${hostname()}(${this.#network.address('ctl')})
AuthType=auth/munge
# A job that is requeued begins when the credentials of its steps have expired.
AuthInfo=socket=${this.#path('munge.socket')},cred_expire=5
CryptoType=crypto/munge
SlurmUser=root
SlurmctldPidFile=${this.#path('slurmctld.pid')}
SlurmdPidFile=${this.#path('slurmd-%n.pid')}
SlurmdSpoolDir=${this.#path('spool-%n')}
StateSaveLocation=${this.#path('state')}
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=64
GresTypes=gpu
ReturnToService=2
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
KillWait=5
CompleteWait=0
${nodes.join('\n')}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;
  }
}

async function until(what, isSo) {
  for (const began = Date.now(); !isSo(); await sleep(200)) {
    if (Date.now() - began > 1000 * startSeconds) throw new Error(`${what} did not come up in ${startSeconds} s`);
  }
}
