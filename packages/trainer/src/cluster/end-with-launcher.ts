/**
 * Makes a launched process notice that its launcher is gone. Imports next to nothing, so that it can run before
 * everything else is loaded.
 */
import { sweepVariable } from './sweep-variable.js';

/** The commands that a launcher starts with a Node IPC channel. */
const launchedCommands = ['worker', 'param-server'];

/**
 * Ends this process when its launcher has ended, for whatever reason: its results would go nowhere. The system closes
 * the channel between them when the launcher is gone.
 */
export function endWithLauncher(child: NodeJS.Process): void {
  const isOfSweep = child.env[sweepVariable] !== undefined && child.argv[2] === 'train';
  if (!child.send || !(isOfSweep || launchedCommands.includes(child.argv[2] ?? ''))) return;
  if (!child.connected) child.exit(1);
  child.once('disconnect', () => child.exit(1));
  // Listening keeps the channel open and the process alive after its work is done, so unref it.
  child.channel?.unref();
}
