/** The role of a process in a run on a cluster, and the source of that role. */
export type RoleKind = 'server' | 'worker';

/** A process's place in a run. */
export interface Role {
  readonly kind: RoleKind;
  /** The index among the servers, or among the workers, from 0. */
  readonly index: number;
  /** The number of workers. */
  readonly workers: number;
  /** `host:port` of every server, in the order of their shards. */
  readonly serverAddresses: readonly string[];
  /** The source of the role: `TF_CONFIG`, `flags`, … */
  readonly source: string;
}

/** The flags that may describe the role. */
export interface RoleFlags {
  readonly role?: RoleKind | undefined;
  readonly index?: number | undefined;
  readonly workers?: number | undefined;
  readonly serverAddresses?: readonly string[] | undefined;
  /** The number of the scheduler's processes that are servers, where the scheduler only numbers them. */
  readonly servers: number;
  /** The port of a node's first server, where the scheduler does not give one. */
  readonly port?: number | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;
