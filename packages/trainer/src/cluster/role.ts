/** What a process of a run on a cluster is, and where that is said. */
export type RoleKind = 'server' | 'worker';

/** A process's place in a run. */
export interface Role {
  readonly kind: RoleKind;
  /** Among the servers, or among the workers, from 0. */
  readonly index: number;
  /** How many workers there are. */
  readonly workers: number;
  /** `host:port` of every server, in the order of their shards. */
  readonly servers: readonly string[];
  /** What said so: `TF_CONFIG`, `flags`, … */
  readonly source: string;
}

/** What flags may say of it. */
export interface RoleFlags {
  readonly role?: RoleKind | undefined;
  readonly index?: number | undefined;
  readonly workers?: number | undefined;
  readonly serverAddresses?: readonly string[] | undefined;
  /** How many of the scheduler's processes are servers, where it only numbers them. */
  readonly servers: number;
  /** Where the first server of a node listens, where the scheduler does not say. */
  readonly port?: number | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;
