/**
 * The fewest snapshots to keep. A shard may have written snapshot k+1 while another, whose disk is slower, still writes k: the
 * step that both have is then k-1.
 */
export const fewestSnapshots = 3;
