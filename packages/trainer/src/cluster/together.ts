/** The choice of a run by several processes of this machine, which the command and `train` share. It loads nothing. */

/** Whether processes are started: for several workers, or because servers were asked for. */
export function isTogether({ workers = 1, servers }: { workers?: number | undefined; servers?: number | undefined }) {
  return servers !== undefined || workers > 1;
}
