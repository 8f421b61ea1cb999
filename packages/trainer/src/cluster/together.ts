/** The choices of a run by several processes of this machine that the command and `train` share. They load nothing. */

/** Whether processes are started: for several workers, or because servers were asked for. */
export function isTogether({ workers = 1, servers }: { workers?: number | undefined; servers?: number | undefined }) {
  return servers !== undefined || workers > 1;
}

/** Returns the folder of the servers' snapshots where none is named: the one beside the checkpoint. */
export function snapshotsBeside(out: string): string {
  return `${out.replace(/[\\/]+$/, '')}.snapshots`;
}
