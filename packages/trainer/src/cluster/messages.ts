/** What launched processes tell the launcher over Node's IPC channel. */
import type { Severity } from '@unroll/param-server';
import { log } from '../terminal/log.js';
import type { RunEvent } from '../training/run.js';

export type ChildMessage = Listening | Notice | PeerLost | Finished | RunEvent;

/** A parameter server takes calls. */
export interface Listening {
  readonly type: 'listening';
  readonly port: number;
}

/** A parameter server has something to say to whoever runs the training. */
export interface Notice {
  readonly type: 'notice';
  readonly severity: Severity;
  readonly line: string;
}

/** A worker or server is about to fail because another process of the run did. */
export interface PeerLost {
  readonly type: 'peer-lost';
}

/** All workers have finished: the run is over. */
export interface Finished {
  readonly type: 'finished';
}

/** Sends an event to the launcher, if there is one; says whether. */
export function reportTo(child: NodeJS.Process, event: ChildMessage): boolean {
  if (!child.connected) return false;
  // A launcher that ends at this moment is no error here: `endWithLauncher` ends this process.
  child.send!(event, undefined, undefined, () => undefined);
  return true;
}

/** Says a line to whoever runs the training: through the launcher, if there is one. */
export function notify(line: string, severity: Severity): void {
  if (!reportTo(process, { type: 'notice', severity, line })) log(line, severity);
}
