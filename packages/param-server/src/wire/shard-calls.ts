/** The calls of proto/unroll/v1/parameter_server.proto from the client's side, independent of the transport. */
import type { unroll } from '../generated/parameter-server.js';
import type { Chunk } from '../vectors/shard-vector.js';

export type Chunks = Iterable<Chunk> | AsyncIterable<Chunk>;

export interface ShardCalls {
  /** Resolves when the server can be asked; rejects if it turns out that it never will, as by TLS. */
  ready(): Promise<void>;
  /** Waits for the server if it is being restarted. */
  join(request: unroll.v1.JoinRequest): Promise<unroll.v1.JoinResponse>;
  initialize(request: unroll.v1.InitializeRequest): Promise<unroll.v1.InitializeResponse>;
  restore(request: unroll.v1.RestoreRequest): Promise<unroll.v1.RestoreResponse>;
  push(request: unroll.v1.PushRequest): Promise<unroll.v1.PushResponse>;
  commit(request: unroll.v1.CommitRequest): Promise<unroll.v1.CommitResponse>;
  /**
   * Yields chunks in ascending order: when a chunk begins behind an element, that element has already arrived. Each
   * chunk is valid until the next is requested.
   */
  pull(request: unroll.v1.PullRequest): AsyncIterable<Chunk>;
  finish(request: unroll.v1.FinishRequest): Promise<unroll.v1.FinishResponse>;
  leave(request: unroll.v1.LeaveRequest): Promise<unroll.v1.LeaveResponse>;
  /**
   * Sends a vector in chunks of any order; elements that no chunk covers are zero. Chunks may still be computed while
   * the earlier ones are sent. No chunk's data may change before the call settles.
   */
  upload(target: unroll.v1.UploadTarget, chunks: Chunks): Promise<void>;
  /** Cancels the calls in flight: they fail as cancelled. */
  interrupt(): void;
  close(): void;
}
