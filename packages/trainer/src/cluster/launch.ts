/** Starts the servers and workers of a run as processes on this machine and follows them to their end. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { UnrollError } from '../errors.js';
import { prepareTraining, type TrainingRequest } from '../training/prepare.js';
import { RunReport, type TrainingResult } from '../training/report.js';
import { laneSlice } from '../training/run.js';
import type { ChildMessage } from './messages.js';

export interface ClusterSize {
  readonly workers: number;
  readonly servers: number;
}

const command = fileURLToPath(new URL('../../bin/unroll.js', import.meta.url));

/**
 * Trains with real processes that speak gRPC over loopback.
 * @throws UnrollError with the first line that a failed process gave as its reason
 */
export async function launchCluster(
  request: TrainingRequest,
  { workers, servers }: ClusterSize,
  argv: readonly string[] = process.argv.slice(3),
): Promise<TrainingResult> {
  // What is wrong with the request is said once, here.
  const { training } = await prepareTraining(request);
  laneSlice(training, { worker: 0, workers });
  const children = new Set<ChildProcess>();
  const report = new RunReport(workers);
  const interrupt = interruption(children);
  try {
    const ends: Promise<void>[] = [];
    const addresses: string[] = [];
    for (let shard = 0; shard < servers; shard++) {
      const child = start(children, [
        'param-server',
        '--port',
        '0',
        '--shard',
        `${shard}`,
        '--shards',
        `${servers}`,
        '--workers',
        `${workers}`,
      ]);
      ends.push(handled(ended(child, `parameter server ${shard}`)));
      addresses.push(`127.0.0.1:${await listeningPort(child)}`);
    }
    const threads = request.threads || Math.max(1, Math.floor(availableParallelism() / workers));
    for (let worker = 0; worker < workers; worker++) {
      const child = start(children, [
        'worker',
        ...trainingFlags(argv),
        '--server-addresses',
        addresses.join(),
        '--worker',
        `${worker}`,
        '--workers',
        `${workers}`,
        '--threads',
        `${threads}`,
      ]);
      child.on('message', (message: ChildMessage) => {
        if (message.type !== 'listening' && message.type !== 'peer-lost') report.add(message, worker);
      });
      ends.push(handled(ended(child, `worker ${worker}`)));
    }
    await Promise.race([Promise.all(ends), interrupt.requested]);
    return report.result();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    const held = report.checkpointStep;
    throw new UnrollError(
      held > 0
        ? `interrupted; ${request.out} holds the model after step ${held}: go on with --resume`
        : 'interrupted before the first checkpoint; nothing was written',
    );
  } finally {
    interrupt.stop();
    report.close();
    await Promise.all([...children].map(terminate));
  }
}

class Interrupted extends Error {}

/**
 * Messages are allocated outside V8's heap but counted in it. From V8's small initial limit they would make it collect the
 * old generation at every step, which took a third of a server's time.
 */
const initialHeapMebibytes = 1024;

/** Children run in process groups of their own, so that Ctrl-C reaches only the launcher, which then stops them. */
function start(children: Set<ChildProcess>, args: readonly string[]): ChildProcess {
  const child = fork(command, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    detached: true,
    execArgv: [`--initial-old-space-size=${initialHeapMebibytes}`],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** How long a failure that another process caused waits for that process's own. */
const causeSeconds = 5;

/** Resolves when the process has ended well; rejects with its own last words if it failed. */
async function ended(child: ChildProcess, name: string): Promise<void> {
  let lastLine = '';
  let peerLost = false;
  child.on('message', ({ type }: ChildMessage) => {
    peerLost ||= type === 'peer-lost';
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    lastLine = text.trim().split('\n').at(-1) ?? lastLine;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (code === 0) return;
  if (peerLost) await sleep(causeSeconds * 1000, undefined, { ref: false });
  const reason = signal ? `was killed by ${signal}` : lastLine.replace(/^(unroll: |error: )/, '');
  throw new UnrollError(`${name}: ${reason || `exited with status ${code}`}`);
}

/** The same promise; that it may reject before anybody awaits it is no error. */
function handled(end: Promise<void>): Promise<void> {
  end.catch(() => {});
  return end;
}

async function listeningPort(child: ChildProcess): Promise<number> {
  const gone = once(child, 'exit').then(() => {
    throw new UnrollError('a parameter server ended before it listened; run unroll param-server by hand to see why');
  });
  const [message] = (await Promise.race([once(child, 'message'), gone])) as [ChildMessage & { port: number }];
  return message.port;
}

/** The launcher's arguments without what only the launcher is told. */
function trainingFlags(argv: readonly string[]): string[] {
  const kept: string[] = [];
  for (let k = 0; k < argv.length; k++) {
    const [flag] = argv[k]!.split('=');
    if (flag === '--json') continue;
    if (flag === '--workers' || flag === '--servers' || flag === '--threads') {
      if (!argv[k]!.includes('=')) k++;
      continue;
    }
    kept.push(argv[k]!);
  }
  return kept;
}

function interruption(children: ReadonlySet<ChildProcess>) {
  let interrupt!: () => void;
  const requested = new Promise<never>((_, reject) => {
    interrupt = () => reject(new Interrupted());
  });
  // Rejected or not, nobody may be waiting for it any more.
  requested.catch(() => {});
  const kill = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt).once('exit', kill);
  return {
    requested,
    stop: () => {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('exit', kill);
    },
  };
}

async function terminate(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exit;
  clearTimeout(force);
}
