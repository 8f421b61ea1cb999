/** The calls of proto/unroll/v1/parameter_server.proto as a client makes them, over whatever carries them. */
import type { unroll } from '../generated/parameter-server.js';
import type { Chunk } from '../shard-vector.js';

export type Chunks = Iterable<Chunk> | AsyncIterable<Chunk>;

export interface ShardCalls {
  /** Waits for the server if it is being restarted. */
  join(request: unroll.v1.JoinRequest): Promise<unroll.v1.JoinResponse>;
  initialize(request: unroll.v1.InitializeRequest): Promise<unroll.v1.InitializeResponse>;
  restore(request: unroll.v1.RestoreRequest): Promise<unroll.v1.RestoreResponse>;
  push(request: unroll.v1.PushRequest): Promise<unroll.v1.PushResponse>;
  commit(request: unroll.v1.CommitRequest): Promise<unroll.v1.CommitResponse>;
  /**
   * The chunks ascend: where one begins behind an element of the vector, that element has been there. Each is valid until the
   * next is asked for.
   */
  pull(request: unroll.v1.PullRequest): AsyncIterable<Chunk>;
  finish(request: unroll.v1.FinishRequest): Promise<unroll.v1.FinishResponse>;
  leave(request: unroll.v1.LeaveRequest): Promise<unroll.v1.LeaveResponse>;
  /**
   * Sends a vector, in chunks of any order; what none covers is zero. Chunks that are yet to be computed may be waited for:
   * those before are sent meanwhile. No chunk's data may change before the call settles.
   */
  upload(target: unroll.v1.UploadTarget, chunks: Chunks): Promise<void>;
  /** Gives up the calls in flight: they fail as cancelled. */
  interrupt(): void;
  close(): void;
}
