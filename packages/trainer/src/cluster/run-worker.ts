/** One worker of a distributed run, from its first connection to the end of the run or of its part in it. */
import { connectRunStatus, ParameterServerError } from '@unroll/param-server/client';
import type { RunObserver } from '../dashboard/run-observer.js';
import { Interruption } from '../errors.js';
import { recordedRun } from '../runs/recorded-run.js';
import type { WorkerRole } from '../training/learners/open-learner.js';
import { RunReport } from '../training/report.js';
import type { JobRequest } from '../training/request.js';
import { notify, reportTo, stopOfLauncher } from './messages.js';

/**
 * Trains with the servers of the role, and reports each event to the launcher, if there is one.
 * @throws UnrollError, UsageError, ParameterServerError with a line for the user; Interruption if a signal made the
 *   worker leave before training had ended
 */
export async function runWorker(
  request: JobRequest,
  role: WorkerRole,
  observer: RunObserver | undefined,
): Promise<RunReport> {
  observer?.watch(connectRunStatus(role.serverAddresses, role.security));
  const report = new RunReport(request.out, role.workers, role.worker);
  const leaving = new AbortController();
  const signal = stopOfLauncher(process);
  const run = { request, role: { ...role, onNotice: notify }, signal, leave: leaving.signal };
  try {
    for await (const event of recordedRun(run)) {
      if (event.type === 'start' && event.mayLeave) leaveOnSignal(leaving, role.worker);
      observer?.add(event);
      if (!reportTo(process, event)) report.add(event, role.worker);
    }
  } catch (error) {
    if (error instanceof ParameterServerError && error.isAbsence) reportTo(process, { type: 'peer-lost' });
    throw error;
  } finally {
    report.close();
  }
  leaving.signal.throwIfAborted();
  reportTo(process, { type: 'finished' });
  return report;
}

/** Lets the first Ctrl-C or SIGTERM end this process after its step, once it has given its lanes back. */
function leaveOnSignal(leaving: AbortController, worker: number): void {
  const line = `worker ${worker} was told to end before the training had; start it again`;
  const leave = (signal: NodeJS.Signals) => leaving.abort(new Interruption(line, signal));
  process.once('SIGINT', leave).once('SIGTERM', leave);
}
