/** How a launched process notices that its launcher is gone. It imports nothing, so that it can run before all else is loaded. */

/** The commands that a launcher starts, with a channel of Node's to it. */
const launchedCommands = ['worker', 'param-server'];

/**
 * Ends this process with the launcher that started it, however the launcher ended: its results would go nowhere. The system closes
 * the channel between them when the launcher is gone.
 */
export function endWithLauncher(child: NodeJS.Process): void {
  if (!child.send || !launchedCommands.includes(child.argv[2] ?? '')) return;
  if (!child.connected) child.exit(1);
  child.once('disconnect', () => child.exit(1));
  // Listening holds the channel open, and with it a process that has done its work.
  child.channel?.unref();
}
