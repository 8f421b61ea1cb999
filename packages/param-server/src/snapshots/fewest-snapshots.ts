/**
 * The fewest snapshots to keep. A shard may have written snapshot k+1 while another, with a slower disk, is still
 * writing k. The step that both have is then k-1.
 */
export const fewestSnapshots = 3;
