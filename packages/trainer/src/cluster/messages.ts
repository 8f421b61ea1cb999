/** The messages that launched processes send to the launcher over Node's IPC channel. */
import type { Severity } from '@unroll/param-server/client';
import { log } from '../terminal/log.js';
import type { RunEvent } from '../training/run.js';

export type ChildMessage = Listening | Notice | PeerLost | Finished | RunEvent;

/** A parameter server is ready to take calls. */
export interface Listening {
  readonly type: 'listening';
  readonly port: number;
}

/** A parameter server has a line for the person who runs the training. */
export interface Notice {
  readonly type: 'notice';
  readonly severity: Severity;
  readonly line: string;
}

/** A worker or server is about to fail because another process of the run failed. */
export interface PeerLost {
  readonly type: 'peer-lost';
}

/** All workers have finished: the run is over. */
export interface Finished {
  readonly type: 'finished';
}

/** A message from the launcher to a worker: the one that writes the checkpoints writes one now, and ends the run. */
export interface StopRequest {
  readonly type: 'stop';
}

/** Returns a signal that aborts when the launcher of this process asks for the end of the run. */
export function stopOfLauncher(child: NodeJS.Process): AbortSignal {
  const stop = new AbortController();
  child.on('message', ({ type }: StopRequest) => {
    if (type === 'stop') stop.abort();
  });
  return stop.signal;
}

/** Sends an event to the launcher, if there is one. Returns whether there is. */
export function reportTo(child: NodeJS.Process, event: ChildMessage): boolean {
  if (!child.connected) return false;
  // It is not an error if the launcher ends at this moment: `endWithLauncher` ends this process.
  child.send!(event, undefined, undefined, () => undefined);
  return true;
}

/** Sends a line to the person who runs the training, through the launcher if there is one. */
export function notify(line: string, severity: Severity): void {
  if (!reportTo(process, { type: 'notice', severity, line })) log(line, severity);
}
