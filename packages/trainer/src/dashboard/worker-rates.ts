/** From what workers have counted since they started, to how they do now: rates and means between two looks at them. */
import type { RunStatus, WorkerReport, WorkerStatus } from '@unroll/param-server';

/** How a worker does: over its latest steps, or the whole time if it was not looked at before. */
export interface WorkerRates {
  readonly worker: number;
  readonly state: WorkerStatus['state'];
  readonly silentSeconds: number;
  readonly steps: number;
  readonly tokensPerSecond: number;
  /** Means of a step, in seconds. */
  readonly phases: Readonly<Record<'compute' | 'push' | 'wait' | 'pull', number>>;
  /** Updates that others made under way; the mean of a step. */
  readonly staleness: number;
  /** Means of a step. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** In both directions, since its process started. */
  readonly movedBytes: number;
}

export class WorkerRateMeter {
  /** By worker: the counts from which the rates are taken, and the rates. */
  readonly #seen = new Map<number, { readonly report: WorkerReport; readonly rates: WorkerRates }>();

  /** By worker, ascending. A worker that has made no step since the last look keeps its rates. */
  look({ workers }: RunStatus): WorkerRates[] {
    return workers.map(({ worker, state, silentSeconds, report }) => {
      const before = this.#seen.get(worker);
      const current = { state, silentSeconds };
      if (before && before.report.steps === report.steps) return { ...before.rates, ...current };
      // A process that was started again counts from 0.
      const since = before && before.report.steps < report.steps ? before.report : undefined;
      const rates = { worker, ...current, ...ratesOf(report, since) };
      this.#seen.set(worker, { report, rates });
      return rates;
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
    tokensPerSecond: stepSeconds > 0 ? perStep('tokens') / stepSeconds : 0,
    phases,
    staleness: perStep('stalenessSum'),
    sentBytes: perStep('sentBytes'),
    receivedBytes: perStep('receivedBytes'),
    movedBytes: now.sentBytes + now.receivedBytes,
  };
}
