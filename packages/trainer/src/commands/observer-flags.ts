/** The flags for watching a run: its page, and its event files for TensorBoard. */
import type { Command } from 'commander';
import { defaultPageAddress, parsePageAddress } from '../dashboard/page-address.js';
import type { ObserverOptions, RunObserver } from '../dashboard/run-observer.js';

export interface ObserverFlags {
  out: string;
  /** `true` if the flag has no value. */
  dashboard?: string | true;
  tensorboard?: string | true;
  insecurePublic?: boolean;
}

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

/**
 * Opens the observer that the flags ask for; undefined if they ask for none. The page needs the event files: they give
 * a resumed run the curves of the time before.
 * @param place the run that a worker belongs to
 * @throws UsageError if the page's address cannot be used; UnrollError if it is taken, or the folder cannot be written
 */
export async function openObserver(
  { out, dashboard, tensorboard, insecurePublic = false }: ObserverFlags,
  place?: Required<Pick<ObserverOptions, 'run' | 'role'>>,
): Promise<RunObserver | undefined> {
  if (dashboard === undefined && tensorboard === undefined) return undefined;
  const page = typeof dashboard === 'string' ? parsePageAddress(dashboard, insecurePublic) : defaultPageAddress;
  const { RunObserver } = await import('../dashboard/run-observer.js');
  return RunObserver.open({
    name: out,
    eventFolder: typeof tensorboard === 'string' ? tensorboard : `${out.replace(/[\\/]+$/, '')}.tensorboard`,
    page: dashboard === undefined ? undefined : page,
    ...place,
  });
}
