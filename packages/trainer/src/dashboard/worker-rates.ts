/** Computes the current rates of a run's processes from two readings of their total counts. */
import type { ProcessUse, RunStatus, ServerStatus, WorkerReport, WorkerStatus } from '@unroll/param-server/client';

/** A worker's rates over its latest steps, or over the whole time at the first reading. */
export interface WorkerRates {
  readonly worker: number;
  readonly state: WorkerStatus['state'];
  readonly silentSeconds: number;
  readonly steps: number;
  /** Undefined if the worker has done no work yet. */
  readonly tokensPerSecond: number | undefined;
  /** Mean times of a step, in seconds. */
  readonly phases: Readonly<Record<'compute' | 'push' | 'wait' | 'pull', number>>;
  /** Other workers' updates between reading the parameters and pushing; the mean of a step. */
  readonly staleness: number;
  /** Mean bytes of a step. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** In both directions, since its process started. */
  readonly movedBytes: number;
  /** The process's use of its machine: cores kept busy since the last reading, and memory. */
  readonly cores: number | undefined;
  readonly memoryBytes: number;
}

/** A server's answer, with its use of its machine. */
export interface ServerRates extends Pick<ServerStatus, 'address' | 'answers'> {
  readonly cores: number | undefined;
  readonly memoryBytes: number | undefined;
}

/** Computes how many cores processes keep busy, from readings of their processor seconds. */
class CoreMeter {
  readonly #seen = new Map<string, { cpuSeconds: number; time: number; cores: number | undefined }>();

  /**
   * @param time when the process had used so many seconds, in seconds from any origin
   * @returns undefined at the first reading of a process
   */
  look(name: string, { cpuSeconds }: ProcessUse, time: number): number | undefined {
    const before = this.#seen.get(name);
    if (before?.cpuSeconds === cpuSeconds) return before.cores;
    // A process that was restarted counts from 0.
    const isSame = before !== undefined && cpuSeconds > before.cpuSeconds && time > before.time;
    const cores = isSame ? (cpuSeconds - before.cpuSeconds) / (time - before.time) : undefined;
    this.#seen.set(name, { cpuSeconds, time, cores });
    return cores;
  }
}

export class WorkerRateMeter {
  /** By worker: the counts that the rates are based on, and the rates. */
  readonly #seen = new Map<number, { readonly report: WorkerReport; readonly rates: WorkerRates }>();
  readonly #cores = new CoreMeter();

  /** Returns the rates by worker, ascending. A worker that has made no step since the last reading keeps its rates. */
  look({ workers }: Pick<RunStatus, 'workers'>, now = performance.now() / 1000): WorkerRates[] {
    return workers.map(({ worker, state, silentSeconds, report }) => {
      const before = this.#seen.get(worker);
      const cores = this.#cores.look(`worker ${worker}`, report, now - silentSeconds);
      const current = { state, silentSeconds, cores, memoryBytes: report.memoryBytes };
      if (before && before.report.steps === report.steps) return { ...before.rates, ...current };
      // A process that was restarted counts from 0.
      const since = before && before.report.steps < report.steps ? before.report : undefined;
      const rates = { worker, ...current, ...ratesOf(report, since) };
      this.#seen.set(worker, { report, rates });
      return rates;
    });
  }

  lookAtServers({ servers }: Pick<RunStatus, 'servers'>, now = performance.now() / 1000): ServerRates[] {
    return servers.map(({ address, answers, use }) => {
      const cores = use && this.#cores.look(`server ${address}`, use, now);
      return { address, answers, cores, memoryBytes: use?.memoryBytes };
    });
  }
}

function ratesOf(now: WorkerReport, before: WorkerReport | undefined) {
  const gained = (field: keyof WorkerReport) => now[field] - (before?.[field] ?? 0);
  const perStep = (field: keyof WorkerReport) => gained(field) / Math.max(1, gained('steps'));
  const phases = {
    compute: perStep('computeSeconds'),
    push: perStep('pushSeconds'),
    wait: perStep('waitSeconds'),
    pull: perStep('pullSeconds'),
  };
  const stepSeconds = phases.compute + phases.push + phases.wait + phases.pull;
  return {
    steps: now.steps,
    tokensPerSecond: stepSeconds > 0 && gained('tokens') > 0 ? perStep('tokens') / stepSeconds : undefined,
    phases,
    staleness: perStep('stalenessSum'),
    sentBytes: perStep('sentBytes'),
    receivedBytes: perStep('receivedBytes'),
    movedBytes: now.sentBytes + now.receivedBytes,
  };
}
