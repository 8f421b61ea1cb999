/** The flags for watching a run: its page, and its event files for TensorBoard. */
import type { Command } from 'commander';

export function addObserverFlags(command: Command): Command {
  return command
    .option('--dashboard [address]', 'serve a live page of the run at a port or host:port (default: 127.0.0.1:7070)')
    .option('--tensorboard [dir]', 'write the curves as TensorBoard’s event files (default: <out>.tensorboard)');
}

/** Adds the flag for commands that listen nowhere else. */
export function addPublicPageFlag(command: Command): Command {
  return command.option(
    '--insecure-public',
    'let --dashboard serve other machines: whoever reaches the port can read it',
  );
}
