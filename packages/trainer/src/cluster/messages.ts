/** What launched processes tell the launcher over Node's IPC channel. */
import type { RunEvent } from '../training/run.js';

export type ChildMessage = Listening | Notice | PeerLost | RunEvent;

/** A parameter server takes calls. */
export interface Listening {
  readonly type: 'listening';
  readonly port: number;
}

/** A parameter server has something to say to whoever runs the training. */
export interface Notice {
  readonly type: 'notice';
  readonly line: string;
}

/** A worker is about to fail because another process of the run did. */
export interface PeerLost {
  readonly type: 'peer-lost';
}

/** Sends an event to the launcher, if there is one; says whether. */
export function reportTo(child: NodeJS.Process, event: ChildMessage): boolean {
  if (!child.connected) return false;
  // A launcher that ends at this moment is no error here: `endWithLauncher` ends this process.
  child.send!(event, undefined, undefined, () => undefined);
  return true;
}

/** Ends this process with the launcher that started it, however the launcher ended; its results would go nowhere. */
export function endWithLauncher(child: NodeJS.Process): void {
  if (!child.send) return;
  // The launcher may have ended before this process came so far.
  if (!child.connected) child.exit(1);
  child.once('disconnect', () => child.exit(1));
  // Listening holds the channel open, and with it a process that has done its work.
  child.channel?.unref();
}
