/** The calls of proto/unroll/v1/parameter_server.proto as a client makes them, over whatever carries them. */
import type { unroll } from '../generated/parameter-server.js';
import type { Chunk } from '../shard-vector.js';

export interface ShardCalls {
  join(request: unroll.v1.JoinRequest): Promise<unroll.v1.JoinResponse>;
  initialize(request: unroll.v1.InitializeRequest): Promise<unroll.v1.InitializeResponse>;
  push(request: unroll.v1.PushRequest): Promise<unroll.v1.PushResponse>;
  pull(request: unroll.v1.PullRequest): AsyncIterable<Chunk>;
  heartbeat(request: unroll.v1.HeartbeatRequest): Promise<unroll.v1.HeartbeatResponse>;
  leave(request: unroll.v1.LeaveRequest): Promise<unroll.v1.LeaveResponse>;
  /** Sends a vector; what no chunk covers is zero. */
  upload(target: unroll.v1.UploadTarget, chunks: Iterable<Chunk>): Promise<void>;
  close(): void;
}
