/** What launched processes tell the launcher over Node's IPC channel. */
import type { RunEvent } from '../training/run.js';

export type ChildMessage = { readonly type: 'listening'; readonly port: number } | RunEvent;

/** Sends an event to the launcher, if there is one; says whether. */
export function reportTo(child: NodeJS.Process, event: RunEvent): boolean {
  return child.connected ? child.send!(event) : false;
}
