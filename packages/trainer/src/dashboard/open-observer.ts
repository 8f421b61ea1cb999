/** Opens the observer that a command's flags or the options of `train` ask for. */
import { defaultPageAddress, parsePageAddress } from './page-address.js';
import type { ObserverOptions, RunObserver } from './run-observer.js';

export interface ObserverChoice {
  out: string;
  /** `true` for the default. */
  dashboard?: string | true | undefined;
  tensorboard?: string | true | undefined;
  insecurePublic?: boolean;
}

/**
 * Opens the observer that is asked for; undefined if none is.
 * @param place the run that a worker belongs to
 * @throws UsageError if the page's address cannot be used; UnrollError if it is taken, or the folder cannot be written
 */
export async function openObserver(
  { out, dashboard, tensorboard, insecurePublic = false }: ObserverChoice,
  place?: Required<Pick<ObserverOptions, 'run' | 'role'>>,
): Promise<RunObserver | undefined> {
  if (dashboard === undefined && tensorboard === undefined) return undefined;
  const page = typeof dashboard === 'string' ? parsePageAddress(dashboard, insecurePublic) : defaultPageAddress;
  const { RunObserver } = await import('./run-observer.js');
  return RunObserver.open({
    out,
    eventFolder: tensorboard === true ? `${out.replace(/[\\/]+$/, '')}.tensorboard` : tensorboard,
    page: dashboard === undefined ? undefined : page,
    ...place,
  });
}
